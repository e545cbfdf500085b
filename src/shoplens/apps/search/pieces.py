"""A query cut into pieces: names that shop or lexicon know, what is not wanted, and words that nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shoplens.apps.search.said_words import adjoining, key, key_of, tokens
from shoplens.apps.search.shop_words import Known, Meaning, ShopWords, needs_naming
from shoplens.features.align.glosses import SILENT, Glossary, meanings_of
from shoplens.features.align.lexicon import Idea, plain

MOST_WORDS = 200  # of a query that are looked at: work stays bounded
_SILENT_WORDS = (
    "a an the i we my me want need looking look find show search buy get please some any is are be that which and or "
    "but over under above below in by from made colored coloured color colour new best good nice product products "
    "item items thing things shop online sale deal "
    "请 给 我 你 来 看 看看 推荐 搜 搜索 买 件 好 的 吗 呢 吧 啊 有没有 一个 一件 一双 一条 适合 用 穿 戴 色"
)
_SILENT = frozenset(word for said in _SILENT_WORDS.split() for word in key_of(said).split(" ")) | SILENT
_AND = frozenset({"and", "or", "和", "或", "与", "及"})
#: What follows says what the thing is for or has, not what it is.
_ABOUT = frozenset({"for", "with", "of", "to", "fit", "fits", "like", "inside", "on", "compatible"})
#: What follows is about the thing itself again: "a bag for a laptop in red".
_ENDS_ABOUT = frozenset({"in", "by", "from", "under", "over", "below", "above", "and"})
_NOT = frozenset({"not", "no", "without", "non", "except", "excluding", "minus", "sans", "avoid", "exclude"})
_NOT_TWO = frozenset({("other", "than"), ("but", "not"), ("anything", "but"), ("apart", "from"), ("rather", "than")})
_NOT_HAN = ("不想要", "不要", "不是", "不含", "不带", "除了", "没有", "排除", "别要", "非", "无", "别")
#: "for women", "给女士": who it is for is what it is.
_PEOPLE = frozenset({"gender", "children"})


@dataclass(frozen=True, slots=True)
class Piece:
    """One name, where it stands, and what it may mean (nothing, when neither shop nor lexicon knows it)."""

    start: int
    end: int
    said: str
    meanings: tuple[Meaning, ...] = ()
    known: Known = Known.OWN
    negated: bool = False
    dashed: bool = False  # "-red": not wanted, in the notation of search engines
    named: bool = False  # the attribute's name stands beside it: "size 42"
    about: bool = False  # it is what the thing is for: "case for iphone"
    loose: bool = False  # it may be part of something else: that, or "shoe rack"
    silent: bool = False
    joined: bool = False  # "and", "or" stands before it
    idea: Idea | None = None


def cut_pieces(text: str, shop: ShopWords, glossary: Callable[[], Glossary] | None) -> list[Piece]:
    """Pieces of a text in `said_words.plain` form, from left to right. Hidden parts of the text divide."""
    known = glossary() if glossary is not None and any(map(_is_han, text)) else None
    pieces = _Cutter(text, shop, known).cut()
    if known is not None and any(not piece.meanings and _is_han(piece.said) for piece in pieces):
        pieces = _glossed(text, pieces, shop, known)
    return _marked(text, pieces)


class _Cutter:
    """Takes the longest known name at each place."""

    def __init__(self, text: str, shop: ShopWords, glossary: Glossary | None) -> None:
        self.text = text
        self.shop = shop
        self.glossary = glossary
        self.words = tokens(text)[:MOST_WORDS]

    def cut(self) -> list[Piece]:
        """All pieces."""
        pieces: list[Piece] = []
        place = 0
        while place < len(self.words):
            piece, used = self._named(place) or self._known(place) or self._unknown(place)
            pieces.append(piece)
            place += used
        return pieces

    def _named(self, place: int) -> tuple[Piece, int] | None:
        """The name of a field and a value of it, in either order: "size 42", "42码", "brand: Acme"."""
        most = self.shop.longest(self.text, self.words, place)
        for many in range(min(most, 3), 0, -1):
            field = self.shop.field_called(key(self.words[place : place + many]))
            if field is None:
                continue
            behind = place + many
            gap = self._gap(behind)
            if gap is None:
                continue
            for more in range(self.shop.longest(self.text, self.words, behind), 0, -1):
                found = self._of_field(behind, more, field)
                if found:
                    return self._piece(place, many + more, found, named=True), many + more
        for many in range(most - 1, 0, -1):
            for more in range(min(most - many, 2), 0, -1):
                field = self.shop.field_called(key(self.words[place + many : place + many + more]))
                found = self._of_field(place, many, field) if field is not None else ()
                if found:
                    return self._piece(place, many + more, found, named=True), many + more
        return None

    def _gap(self, place: int) -> str | None:
        """What stands before a word that follows a field's name, if it may stand there."""
        if place >= len(self.words):
            return None
        gap = self.text[self.words[place - 1].end : self.words[place].start]
        return gap if gap.strip(" :=-：") == "" else None

    def _of_field(self, place: int, many: int, field: str) -> tuple[Meaning, ...]:
        name = key(self.words[place : place + many])
        return tuple(one for one in self.shop.meanings(name) if one.field == field and one.known >= Known.OTHER)

    def _known(self, place: int) -> tuple[Piece, int] | None:
        for many in range(self.shop.longest(self.text, self.words, place), 0, -1):
            some = self.words[place : place + many]
            name = key(some)
            idea = self.shop.idea(name)
            meanings = () if needs_naming(some) else self.shop.meanings(name)
            if many == 1 and some[0].han and not (meanings and self._stands_alone(place)):
                continue
            if not meanings and idea is not None and many > 1:
                return self._piece(place, many, self._head(place, many), idea=idea, known=Known.PART), many
            if meanings or idea is not None:
                return self._piece(place, many, meanings, idea=idea), many
        return None

    def _head(self, place: int, many: int) -> tuple[Meaning, ...]:
        """Categories that the last words of a name mean: what every shop calls "red wine" is a wine."""
        for start in range(place + 1, place + many):
            found = self.shop.meanings(key(self.words[start : place + many]))
            categories = tuple(one for one in found if one.field == "category" and one.known >= Known.OTHER)
            if categories:
                return categories
        return ()

    def _stands_alone(self, place: int) -> bool:
        """Whether one Chinese character is a word: at an end, or before another name.

        "红裙子" is a red skirt; "红" in "红茶" is no colour, for that is a word of its own.
        """
        behind = place + 1
        if behind >= len(self.words) or not adjoining(self.text, self.words[place], self.words[behind]):
            return True
        if not self.words[behind].han or self.words[behind].text in _SILENT:
            return True
        for many in range(self.shop.longest(self.text, self.words, behind), 0, -1):
            if self.shop.meanings(key(self.words[behind : behind + many])):
                return not self._is_word(place, many + 1)
        return False

    def _is_word(self, place: int, many: int) -> bool:
        """Whether these characters are one word in the dictionary."""
        word = "".join(one.text for one in self.words[place : place + many])
        return self.glossary is not None and word in self.glossary.senses

    def _unknown(self, place: int) -> tuple[Piece, int]:
        silent = self.words[place].text in _SILENT
        return self._piece(place, 1, (), silent=silent), 1

    def _piece(
        self,
        place: int,
        many: int,
        meanings: tuple[Meaning, ...],
        *,
        named: bool = False,
        silent: bool = False,
        idea: Idea | None = None,
        known: Known | None = None,
    ) -> Piece:
        start, end = self.words[place].start, self.words[place + many - 1].end
        if known is None:
            known = meanings[0].known if meanings else Known.OWN
        return Piece(start, end, self.text[start:end], meanings, known, named=named, silent=silent, idea=idea)


def _glossed(text: str, pieces: list[Piece], shop: ShopWords, glossary: Glossary) -> list[Piece]:
    """Chinese that the shop has no name for, read through the dictionary: whole words only."""
    result: list[Piece] = []
    place = 0
    while place < len(pieces):
        if pieces[place].idea is not None and not pieces[place].meanings:
            result.append(_translated(pieces[place], shop, glossary))
            place += 1
            continue
        end = place
        while end < len(pieces) and not pieces[end].meanings and _is_han(pieces[end].said) and pieces[end].idea is None:
            if end > place and pieces[end].start != pieces[end - 1].end:
                break
            end += 1
        if end - place < 2:
            result.append(pieces[place])
            place += 1
            continue
        result.extend(_read_run(text, pieces[place:end], shop, glossary))
        place = end
    return result


def _translated(piece: Piece, shop: ShopWords, glossary: Glossary) -> Piece:
    """A word that every shop knows and this one has under another name: its hats are caps."""
    senses = meanings_of(glossary.senses.get(piece.said, ""))
    meanings = tuple(one for sense in senses for one in shop.meanings(plain(sense)) if one.known >= Known.OTHER)
    return replace(piece, meanings=meanings, known=Known.GLOSS) if meanings else piece


def _read_run(text: str, run: Sequence[Piece], shop: ShopWords, glossary: Glossary) -> list[Piece]:
    start = run[0].start
    said = text[start : run[-1].end]
    found: list[Piece] = []
    place = 0
    for word, senses in glossary.cut(said):
        at = said.find(word, place)
        if at < 0:
            continue
        found.extend(piece for piece in run if start + place <= piece.start < start + at)
        place = at + len(word)
        meanings = tuple(one for sense in senses for one in shop.meanings(plain(sense)) if one.known >= Known.OTHER)
        if len(word) < 2:
            meanings = ()
        found.append(
            Piece(start + at, start + place, word, meanings, Known.GLOSS, silent=not meanings and word in SILENT)
        )
    found.extend(piece for piece in run if piece.start >= start + place)
    return found


def _marked(text: str, pieces: list[Piece]) -> list[Piece]:
    """What stands around each piece: negation, "for", "and", a word that nobody knows."""
    negations = [_negation(text, pieces, place) if piece.meanings else None for place, piece in enumerate(pieces)]
    words = [(one[0], piece.start) for one, piece in zip(negations, pieces, strict=True) if one is not None]
    marked: list[Piece] = []
    about = False
    for place, piece in enumerate(pieces):
        said = piece.said.casefold()
        if not piece.meanings:
            about = said in _ABOUT or (about and piece.silent and said not in _ENDS_ABOUT)
            negates = said in _NOT or any(start <= piece.start < end for start, end in words)
            marked.append(replace(piece, silent=piece.silent or said in _ABOUT or negates))
            continue
        joined = place > 0 and pieces[place - 1].said.casefold() in _AND
        found = negations[place]
        start, dashed = found if found is not None else (piece.start, False)
        negated = found is not None
        if not negated and joined and len(marked) > 1 and marked[-2].negated and _shares_field(marked[-2], piece):
            start, negated = marked[-2].end, True  # "not red or blue"
        people = piece.idea is not None and piece.idea.kind in _PEOPLE
        goes_on = not negated and _goes_on(text, pieces, place, words)
        known = piece.known
        if len(said) == 1 and known > Known.PART and not _is_word_here(text, pieces, place):
            known = Known.PART
        about = about and not people
        marks = replace(piece, known=known, negated=negated, dashed=dashed, joined=joined)
        marks = replace(marks, about=about, loose=about or goes_on)
        marked.append(replace(marks, start=start, said=text[start : piece.end].strip()))
    return marked


def _negation(text: str, pieces: Sequence[Piece], place: int) -> tuple[int, bool] | None:
    """Where a negation of this piece begins, and whether it is a dash; None without one."""
    piece = pieces[place]
    before = text[: piece.start]
    if before.endswith("-") and before[-2:-1] in ("", " ", "\0"):
        return piece.start - 1, True
    for words in _NOT_HAN:
        if before.endswith(words) and (len(words) > 1 or len(piece.said) > 1):
            return piece.start - len(words), False
    back = [one for one in pieces[max(0, place - 4) : place] if one.said.casefold() not in ("the", "a", "any", "in")]
    if len(back) > 1 and (back[-2].said.casefold(), back[-1].said.casefold()) in _NOT_TWO:
        return back[-2].start, False
    return (back[-1].start, False) if back and back[-1].said.casefold() in _NOT else None


def _goes_on(text: str, pieces: Sequence[Piece], place: int, negations: Sequence[tuple[int, int]]) -> bool:
    """Whether a word follows directly that the shop does not know, so that this one may only say what kind is meant.

    "shoe rack" is no shoe; "red rack" is red, if every shop knows what a rack is.
    """
    if place + 1 >= len(pieces):
        return False
    piece, behind = pieces[place], pieces[place + 1]
    if behind.meanings or behind.silent or text[piece.end : behind.start].strip():
        return False
    if any(start <= behind.start < end for start, end in negations):
        return False
    if behind.idea is not None and all(one.field != "category" for one in piece.meanings):
        return False
    return behind.said.casefold() not in _ABOUT | _NOT and not behind.said[0].isdigit()


def _is_word_here(text: str, pieces: Sequence[Piece], place: int) -> bool:
    """Whether one Chinese character surely is a word: what stands directly before it is known, or is nothing."""
    if place == 0:
        return True
    before = pieces[place - 1]
    apart = text[before.end : pieces[place].start] != "" or not _is_han(before.said)
    return apart or before.silent or bool(before.meanings) or before.idea is not None


def _shares_field(one: Piece, other: Piece) -> bool:
    return bool({meaning.field for meaning in one.meanings} & {meaning.field for meaning in other.meanings})


def _is_han(text: str) -> bool:
    return any("\u3400" <= letter <= "\u9fff" for letter in text)
