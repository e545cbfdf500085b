"""What a shopper typed, read: words, phrases, words that are not wanted, codes.

The language is what search boxes everywhere understand: "words next to one another" in quotes (“…”, 「…」 and «…» too),
a minus right before a word or a quotation for what must not occur. Nothing else is special, and nothing is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shoplens.features.align.glosses import SILENT as SILENT_CHINESE
from shoplens.retrieval.lexical.analyser import Analyser, Piece, squeeze
from shoplens.retrieval.lexical.english import SILENT
from shoplens.retrieval.lexical.folding import Folded, fold

MOST_CHARACTERS = 400  # of a query; what follows is not read
MOST_WORDS = 16
MOST_RULES = 8  # phrases, and exclusions
MOST_CODES = 6
SHORTEST_PART = 3  # letters of a compound's part that is worth finding alone
PART = 0.4  # weight of a compound's part, found alone
WITHIN = 0.5  # weight of all of a long Chinese word's inner words, by their share of its length
_NUMERALS = frozenset("一二两三四五六七八九十几")

_RULE = re.compile(r'(?P<no>(?<!\S)-)?(?<![0-9])"(?P<phrase>[^"]*)"|(?<!\S)-(?P<word>[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query, before it is compared with what the index holds.

    `forms` are terms that each mean this word, with weights (1 = as typed); `chain` are its pieces, which may be found
    next to one another instead ("t", "shirt" of "t-shirt"; the characters of a Chinese word).
    """

    text: str  # as typed
    start: int  # place in the query's text
    end: int
    term: str  # the first form
    forms: tuple[tuple[str, float], ...]
    chain: tuple[str, ...] = ()
    han: bool = False  # Chinese


@dataclass(frozen=True, slots=True)
class Code:
    """What may be a product's number, without hyphens and spaces."""

    text: str
    start: int  # place in the query's text
    end: int


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was read by `LexicalIndex.parse`."""

    text: str
    words: tuple[Word, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()  # terms that must stand next to one another
    excluded: tuple[tuple[str, ...], ...] = ()  # the same, of what must not occur
    codes: tuple[Code, ...] = ()
    languages: frozenset[str] = frozenset()  # of "en" (Latin letters) and "zh"

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.words or self.phrases)


def read_query(analyser: Analyser, text: str) -> Query:
    """Read what a shopper typed. Takes any string."""
    text = text[:MOST_CHARACTERS]
    folded = fold(text)
    phrases: list[tuple[str, ...]] = []
    excluded: list[tuple[str, ...]] = []
    rest = folded.text
    for match in _RULE.finditer(folded.text):
        chain = _chain(analyser, match["phrase"] if match["phrase"] is not None else match["word"])
        if chain:
            (excluded if match["no"] or match["word"] else phrases).append(chain)
        rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    words = _words(analyser, text, folded, rest)
    if not words and not phrases and excluded:  # "-10" alone can only be meant as it stands
        excluded, rest = [], folded.text
        words = _words(analyser, text, folded, rest)
    return Query(
        text,
        tuple(words),
        tuple(dict.fromkeys(phrases))[:MOST_RULES],
        tuple(dict.fromkeys(excluded))[:MOST_RULES],
        tuple(_codes(folded, rest))[:MOST_CODES],
        frozenset(_languages(folded.text)),
    )


def alternatives(analyser: Analyser, text: str) -> list[Word]:
    """Another wording's words, all of which are wanted (their places are in that wording)."""
    text = text[:MOST_CHARACTERS]
    folded = fold(text)
    return _words(analyser, text, folded, folded.text)


def _words(analyser: Analyser, text: str, folded: Folded, rest: str) -> list[Word]:
    pieces = list(analyser.pieces(rest))
    loud = [piece for piece in pieces if not _silent(piece)]
    words: dict[str, Word] = {}
    for piece in loud or pieces:
        start, end = folded.span(piece.start, piece.end)
        forms = tuple(_forms(analyser, piece))
        word = Word(text[start:end], start, end, piece.whole, forms, _parts(piece), piece.han)
        words.setdefault(word.term, word)
        if len(words) >= MOST_WORDS:
            break
    return list(words.values())


def _silent(piece: Piece) -> bool:
    if not piece.han:
        return piece.whole in SILENT
    if len(piece.parts) == 2:  # "一条": how many
        return piece.whole[0] in _NUMERALS and piece.whole[1] in SILENT_CHINESE
    return piece.whole in SILENT_CHINESE


def _parts(piece: Piece) -> tuple[str, ...]:
    return tuple(part for part, _, _ in piece.parts) if len(piece.parts) > 1 else ()


def _forms(analyser: Analyser, piece: Piece) -> Iterator[tuple[str, float]]:
    for form in piece.forms:
        yield form, 1.0
    if piece.han:
        whole = len(piece.parts)
        if whole > 3:
            for word, start, end in analyser.segmenter.within(piece.forms[0]):
                yield word, WITHIN * (end - start) / whole
    elif len(piece.parts) > 1:
        for part, _, _ in piece.parts:
            if len(part) >= SHORTEST_PART and part.isalpha() and part not in piece.forms:
                yield part, PART


def _chain(analyser: Analyser, text: str) -> tuple[str, ...]:
    """Base terms in order, as a phrase is looked for."""
    return tuple(analyser.indexed(text)[0])[:MOST_WORDS]


def _codes(folded: Folded, rest: str) -> Iterator[Code]:
    """The whole text, and each part between spaces that holds a digit."""
    seen = set()
    chunks = [(match.start(), match.end()) for match in re.finditer(r"\S+", rest)]
    if not chunks:
        return
    spans: Sequence[tuple[int, int]] = [(chunks[0][0], chunks[-1][1]), *chunks[:MOST_WORDS]]
    for number, (start, end) in enumerate(spans):
        part = rest[start:end]
        if end - start > 64 or (number and not any(letter.isdigit() for letter in part)):
            continue
        code = squeeze(part)
        if len(code) >= 2 and code not in seen:
            seen.add(code)
            yield Code(code, *folded.span(start, end))


def _languages(text: str) -> Iterator[str]:
    if text.isascii():
        if any(letter.isalpha() for letter in text):
            yield "en"
        return
    if any("a" <= letter <= "z" or "à" <= letter <= "ɏ" for letter in text):
        yield "en"
    if any("\u3400" <= letter <= "\u9fff" or letter >= "\U00020000" for letter in text):
        yield "zh"
