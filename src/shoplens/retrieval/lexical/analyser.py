"""Text to terms, the same way for products and for what shoppers type.

Terms of a text are of two sorts. *Base* terms tell the text in order: English words in the singular, numbers, single
Chinese characters; "next to one another" is asked of them. *Extra* terms say the same things in other ways: Chinese
words and the words within them, "tshirt" of "t-shirt", "iphone15" of "iPhone 15"'s joined spelling, "500ml" of "0.5 L".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from functools import cache, cached_property, lru_cache
from importlib.metadata import version as installed
from typing import NamedTuple

from shoplens.ingest.units import normalise_measure
from shoplens.retrieval.lexical.chinese import Segmenter, pinyin
from shoplens.retrieval.lexical.english import base
from shoplens.retrieval.lexical.folding import HAN, fold
from shoplens.retrieval.lexical.synonyms import Synonyms

RULES = "2"  # raise it when texts come to be read otherwise: indexes are then written anew
LONGEST = 40  # letters of a term; what is longer is cut
JOINED = 6  # parts of a compound that are joined into one term, at most
REMEMBERED = 50_000  # stretches of texts whose terms are kept: most come again and again
SHOWN = 8_000  # texts of answers whose terms are kept, about 1.5 kB each
SHORT = 100  # characters of a stretch that is worth keeping

_ATOM = re.compile(
    rf"\d+(?:\.\d+)+|[1-9]\d{{0,2}}(?:,\d{{3}})+(?!\d)|\d+|([{HAN}]+)|[^\W\d_{HAN}]+",
)
#: Between spaces: what is read alike whatever follows, and, unless a number or a lone letter is before it, alone.
_CLOSED = re.compile(r"([a-z]{2,})[,;:!?)]*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LONE = frozenset("tvuxeoy")  # letters that make one word with the next: T shirt, V neck, X ray, E book
_GLUE = frozenset(("", "-", "'", "&"))  # between two atoms of one compound

_Atom = tuple[str, int, int, bool]  # a run of letters, digits or characters; its place; whether it is Chinese


class Term(NamedTuple):
    """A term at its place: `position` counts base terms, `start` and `end` are places in the original text."""

    text: str
    position: int
    start: int
    end: int
    extra: bool = False


class Piece(NamedTuple):
    """What belongs together in a text: a Chinese word, a compound ("t-shirt"), a measure, a plain word.

    `forms` are terms that each mean the whole piece, `parts` its base terms; `start` and `end` are in the folded text.
    """

    start: int
    end: int
    forms: tuple[str, ...]
    parts: tuple[tuple[str, int, int], ...]
    han: bool = False

    @property
    def whole(self) -> str:
        """One term for all of it."""
        return self.forms[0] if self.forms else "".join(part for part, _, _ in self.parts)


class Analyser:
    """Reads texts in the way in which an index was written; `version` names that way.

    `words` are a shop's own Chinese words ("优衣库"), which queries then never cut apart. They and `synonyms`
    are used by queries only and are no part of the version: products are written without them.
    """

    def __init__(self, *, synonyms: Synonyms | None = None, words: Sequence[str] = ()) -> None:
        self.synonyms = synonyms if synonyms is not None else Synonyms()
        self.words = tuple(sorted({fold(word.strip()).text for word in words} - {""}))
        self.segmenter = Segmenter(self.words) if self.words else _dictionary()
        self._own = frozenset(self.words)
        self._read = lru_cache(maxsize=REMEMBERED)(self._indexed)
        self.indexed_again = lru_cache(maxsize=REMEMBERED)(self.indexed)  # for texts that many products have
        self.terms_again = lru_cache(maxsize=SHOWN)(self._kept_terms)  # the same, for texts that are shown often
        parts = (RULES, installed("rjieba"), installed("opencc"))
        self.version = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    def with_synonyms(self, synonyms: Synonyms) -> Analyser:
        """The same words and other synonyms; the dictionary is not read again."""
        other = copy(self)
        other.synonyms = synonyms
        other.__dict__.pop("synonym_table", None)
        return other

    def plain(self) -> Analyser:
        """How products are read: without synonyms and the shop's own words."""
        return Analyser() if self.words else self

    def owns(self, word: str) -> bool:
        """Whether this is one of the shop's own words: products say it in single characters."""
        return word in self._own

    @cached_property
    def own_sounds(self) -> Mapping[str, tuple[str, ...]]:
        """Pinyin → the shop's own words that sound so."""
        found: dict[str, tuple[str, ...]] = {}
        for word in self.words:
            sound = pinyin(word)
            if sound:
                found[sound] = (*found.get(sound, ()), word)
        return found

    @cached_property
    def synonym_table(self) -> Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """Words of a query → what stands for them: one term, or several next to one another."""
        table: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
        for name, others in self.synonyms.others:
            key = tuple(piece.whole for piece in self.pieces(fold(name).text))
            for other in others if key else ():
                pieces = list(self.pieces(fold(other).text))
                if len(pieces) == 1:
                    table.setdefault(key, {})[(pieces[0].whole,)] = None
                if len(pieces) > 1 or (pieces and self.owns(pieces[0].whole)):
                    chain = tuple(part for piece in pieces for part, _, _ in piece.parts)
                    table.setdefault(key, {})[chain] = None
        return {key: tuple(others) for key, others in table.items()}

    def terms(self, text: str) -> list[Term]:
        """Every term of a text, in the order of positions."""
        folded = fold(text)
        found: list[Term] = []
        position = 0
        for piece in self.pieces(folded.text):
            first = position
            for term, start, end in piece.parts:
                found.append(Term(term, position, *folded.span(start, end)))
                position += 1
            only = piece.parts[0][0] if len(piece.parts) == 1 else ""
            whole = folded.span(piece.start, piece.end)
            found.extend(Term(form, first, *whole, extra=True) for form in piece.forms if form != only)
            if piece.han:
                for word, start, end in self.segmenter.within(piece.forms[0]):
                    place = folded.span(piece.start + start, piece.start + end)
                    found.append(Term(word, first + start, *place, extra=True))
        return sorted(found, key=lambda term: (term.position, term.extra))

    def _kept_terms(self, text: str) -> tuple[Term, ...]:
        return tuple(self.terms(text))

    def indexed(self, text: str) -> tuple[list[str], list[str]]:
        """What `terms` finds, without places: base terms in order, and extra ones."""
        bases: list[str] = []
        extras: list[str] = []
        words = fold(text).text.split(" ")
        start = 0
        for place, word in enumerate(words):
            term = _closed(word)
            if term and place == start:
                bases.append(term)
            elif term or place + 1 == len(words):
                stretch = " ".join(words[start : place + 1])
                some, others = self._read(stretch) if len(stretch) <= SHORT else self._indexed(stretch)
                bases += some
                extras += others
            if term:
                start = place + 1
        return bases, extras

    def _indexed(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Base terms and extra ones of a folded text."""
        bases: list[str] = []
        extras: list[str] = []
        for piece in self.pieces(text):
            if len(piece.parts) == 1:
                bases.append(piece.parts[0][0])
                extras.extend(form for form in piece.forms if form != bases[-1])
                continue
            bases.extend(part[0] for part in piece.parts)
            extras.extend(piece.forms)
            if piece.han:
                extras.extend(word for word, _, _ in self.segmenter.within(piece.forms[0]))
        return tuple(bases), tuple(extras)

    def pieces(self, text: str) -> Iterator[Piece]:
        """A folded text, piece by piece."""
        atoms = [(match[0], *match.span(), match.lastindex is not None) for match in _ATOM.finditer(text)]
        place, count = 0, len(atoms)
        while place < count:
            atom, start, end, han = atoms[place]
            if han:
                yield from self._chinese(atom, start)
                place += 1
                continue
            after = place + 1
            while after < count and not atoms[after][3] and text[end : atoms[after][1]] in _GLUE:
                end = atoms[after][2]
                after += 1
            follower = atoms[after] if after < count and text[end : atoms[after][1]] in ("", " ") else None
            if atom[0].isdigit() and after - place <= 2:
                measure = _measure(atoms[place:after], follower)
                if measure is not None:
                    piece, place, rest = measure[0], place + measure[1], measure[2]
                    yield piece
                    if rest is not None:
                        atoms[place] = rest
                    continue
            if follower is not None and follower[3] and after == place + 1 and end == follower[1]:
                mixed = self.segmenter.mixed(atom, follower[0])
                if mixed:
                    piece, rest = _mixed((atom, start, end), follower, mixed)
                    yield piece
                    place = after + 1
                    if rest is not None:
                        place = after
                        atoms[place] = rest
                    continue
            if atom in _LONE and after == place + 1 and follower is not None and len(follower[0]) > 2:
                last = after + 1 == count or text[follower[2] : atoms[after + 1][1]] not in _GLUE
                if follower[0].isalpha() and not follower[3] and last:
                    after += 1  # "t shirt" is read as "t-shirt"
            yield _compound(atoms[place:after], text) if after > place + 1 else _plain(atom, start, end)
            place = after

    def _chinese(self, run: str, start: int) -> Iterator[Piece]:
        for word, begin, end in self.segmenter.words(run):
            place = start + begin
            parts = tuple((letter, place + k, place + k + 1) for k, letter in enumerate(word))
            yield Piece(place, start + end, (word,), parts, han=True)


@cache
def _dictionary() -> Segmenter:
    """The dictionary alone: read once, some 25 MB."""
    return Segmenter()


def squeeze(code: str) -> str:
    """An article number without what people add or leave out: case, hyphens, spaces, zeros in front of a GTIN."""
    plain = "".join(letter for letter in fold(code).text if letter.isalnum())
    return (plain.lstrip("0") if plain.isdigit() and len(plain) >= 8 else plain)[:64]


def _plain(atom: str, start: int, end: int) -> Piece:
    term = _base(atom)
    return Piece(start, end, (term,), ((term, start, end),))


def _compound(atoms: Sequence[_Atom], text: str) -> Piece:
    """Latin words and numbers without a space between: "t-shirt", "men's", "iphone15", "wh-1000xm4"."""
    parts: list[tuple[str, int, int]] = []
    for atom, start, end, _ in atoms:
        if parts:
            last, last_start, last_end = parts[-1]
            glue = text[last_end:start]
            letters = atom if not atom[0].isdigit() else last[len(last.rstrip(_LETTERS)) :]
            if (glue == "" and len(letters) <= 2) or (glue == "'" and (len(atom) <= 2 or len(last) <= 2)):
                parts[-1] = (last + atom, last_start, end)
                continue
        parts.append((atom, start, end))
    whole = "".join(part.replace(",", "") for part, _, _ in parts)
    based = tuple((_base(part), start, end) for part, start, end in parts)
    short = len(parts) <= JOINED and len(whole) <= LONGEST
    forms: tuple[str, ...] = (based[0][0],) if len(parts) == 1 else ((_base(whole),) if short else ())
    return Piece(atoms[0][1], atoms[-1][2], forms, based)


def _mixed(letters: tuple[str, int, int], run: _Atom, words: Sequence[str]) -> tuple[Piece, _Atom | None]:
    """Latin letters and characters that make one word ("T恤"), and what is left of the characters."""
    size = len(words[0]) - len(letters[0])
    end = run[1] + size
    characters = tuple((run[0][k], run[1] + k, run[1] + k + 1) for k in range(size))
    rest = (run[0][size:], end, run[2], True) if size < len(run[0]) else None
    return Piece(letters[1], end, tuple(words), (letters, *characters)), rest


def _measure(compound: Sequence[_Atom], follower: _Atom | None) -> tuple[Piece, int, _Atom | None] | None:
    """A number and its unit ("500ml", "500 毫升"), how many atoms they fill, what is left of a last one."""
    digits, start, number_end, _ = compound[0]
    unit = compound[1] if len(compound) == 2 else follower
    if unit is None or (len(compound) == 2 and unit[1] != number_end):
        return None
    number = digits.replace(",", "")
    word, unit_start, unit_end, han = unit
    if not han:
        canonical = _canonical(number, word)
        if canonical is None:
            return None
        forms = tuple(dict.fromkeys((canonical, number + word)))
        return (
            Piece(start, unit_end, forms, ((number, start, number_end), (_base(word), unit_start, unit_end))),
            2,
            None,
        )
    for size in range(min(3, len(word)), 0, -1):
        canonical = _canonical(number, word[:size])
        if canonical is not None:
            end = unit_start + size
            letters = tuple((word[k], unit_start + k, unit_start + k + 1) for k in range(size))
            piece = Piece(start, end, (canonical,), ((number, start, number_end), *letters))
            return (piece, 1, (word[size:], end, unit_end, True)) if size < len(word) else (piece, 2, None)
    return None


@lru_cache(maxsize=100_000)
def _base(atom: str) -> str:
    """The base form of a Latin word or number, "1,000" without its comma."""
    return atom.replace(",", "") if atom[0].isdigit() else base(atom)[:LONGEST]


@lru_cache(maxsize=100_000)
def _closed(word: str) -> str:
    """The base form of what is `_CLOSED`, "" for anything else."""
    match = _CLOSED.fullmatch(word)
    return "" if match is None else _base(match[1])


@lru_cache(maxsize=20_000)
def _canonical(number: str, unit: str) -> str | None:
    """ "500ml" for "0.5", "l"; None when the second is no unit."""
    said = number + unit
    if len(number) > 12 or len(unit) > 12:
        return None
    measure = normalise_measure(said)
    return None if measure == said else measure.replace(" ", "").casefold()
