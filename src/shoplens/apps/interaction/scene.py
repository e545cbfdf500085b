"""What a conversation is about at one moment. Scenes never change: going back is taking the one before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from re import IGNORECASE, Pattern
from typing import Literal, Self

from shoplens.apps.interaction.turns import Vector
from shoplens.recommend.asking import MAX_TEXT, Ask, Constraint, Sort
from shoplens.recommend.filters import Every, Filter, Never, OneOf, Range
from shoplens.retrieval.asked import Given

MOST_LINES = 12  # utterances that a search is made of; the oldest fall out
MOST_WISHES = 30
MOST_PASSED = 300  # products that were turned down
PRICE = "price"


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What is to be found like: photos, a product of the shop, a video, a sound."""

    kind: Literal["photo", "product", "video", "sound"]
    given: tuple[Given, ...] = ()
    shown: tuple[Vector, ...] = ()  # in the shared space
    words: str = ""  # of the product's title, or written in the photo: searched for, not understood
    item_ids: tuple[str, ...] = ()  # of products
    many: int = 1  # photos, films, …

    @property
    def size(self) -> int:
        """Bytes, about."""
        vectors = sum(one.vector.nbytes for one in self.given) + sum(one.nbytes for one in self.shown)
        return vectors + 4 * len(self.words) + 64


@dataclass(frozen=True, slots=True)
class Scene:
    """The search so far: words, wishes that came out of the conversation, and what is on the table."""

    lines: tuple[str, ...] = ()  # plain search words, utterance by utterance
    base: Base | None = None
    wishes: tuple[Constraint, ...] = ()
    dropped: tuple[str, ...] = ()  # constraints that `Search` understood and the shopper took away
    passed: tuple[str, ...] = ()  # products that were turned down, or had been seen when others were wanted
    sort: tuple[Sort, ...] = ()
    only: tuple[str, ...] = ()  # the products that are talked about: nothing else is on the table
    cursor: str | None = None  # of the page that is on the table; None = the first
    asked: Ask | None = None  # the question of the first page, which its cursors belong to
    understood: tuple[Constraint, ...] = ()  # what was read out of the lines
    holding: tuple[Constraint, ...] = ()  # of these, what the answer keeps to
    table: tuple[str, ...] = ()  # products of the answer, in order
    next_cursor: str | None = None

    @property
    def begun(self) -> bool:
        """Whether there is a search that could be refined."""
        return bool(self.lines or self.base or self.wishes or self.table)

    @property
    def firm(self) -> tuple[Constraint, ...]:
        """What the last answer surely kept to and was not taken back: the next one is not to give it up silently."""
        known = {one.id for one in self.understood}
        return tuple(one for one in self.holding if one.strict and one.id in known and one.id not in self.dropped)

    @property
    def text(self) -> str:
        """What to search for in words, the latest utterances if all are too long."""
        words = " ".join(self.lines)
        return words if len(words) <= MAX_TEXT else words[-MAX_TEXT:].partition(" ")[2]

    @property
    def size(self) -> int:
        """Bytes, about, without the base, which scenes share."""
        texts = sum(map(len, (*self.lines, *self.passed, *self.table, *self.only, *self.dropped)))
        return 512 + 4 * texts + 400 * (len(self.wishes) + len(self.understood))

    def says(self, held: Constraint) -> bool:
        """Whether the words that a constraint was read from are still among the lines."""
        return without_words(self.text, held.said) != self.text

    def same_as(self, other: Scene) -> bool:
        """Whether both ask for the same."""
        return _asking(self) == _asking(other)

    def wished(self, wish: Constraint) -> Self:
        """With a wish; one of the same id is replaced."""
        kept = tuple(one for one in self.wishes if one.id != wish.id)
        return replace(self, wishes=(*kept, wish)[-MOST_WISHES:])

    def turned_down(self, item_ids: Iterable[str]) -> Self:
        """Without products."""
        passed = tuple(dict.fromkeys((*self.passed, *item_ids)))
        return replace(self, passed=passed[-MOST_PASSED:])

    def said(self, line: str, asks: Sequence[Constraint] = ()) -> Self:
        """With more words. What was said before of the same fields gives way to what they ask for."""
        scene = self
        for ask in asks:
            for held in (*scene.understood, *scene.wishes):
                if gives_way(held, ask):
                    scene = scene.without(held)
        lines = (*scene.lines, line) if line else scene.lines
        freed = {one.id for one in asks}
        dropped = tuple(name for name in scene.dropped if name not in freed)
        return replace(scene, lines=lines[-MOST_LINES:], dropped=dropped, cursor=None)

    def without(self, held: Constraint) -> Self:
        """Without a constraint: its words are cut out of the lines; where they are not found, its id is dropped."""
        if any(one.id == held.id for one in self.wishes):
            return replace(self, wishes=tuple(one for one in self.wishes if one.id != held.id), cursor=None)
        understood = tuple(one for one in self.understood if one.id != held.id)
        lines = tuple(without_words(line, held.said) for line in self.lines)
        if lines == self.lines:
            return replace(self, dropped=(*self.dropped, held.id), understood=understood, cursor=None)
        kept = tuple(line for line in lines if line)
        return replace(self, lines=kept, understood=understood, cursor=None)

    def freed(self, field: str) -> Self:
        """Without any constraint on a field."""
        scene = self
        for held in (*self.understood, *self.wishes):
            if held.field == field or set(fields_of(held.filter)) == {field}:
                scene = scene.without(held)
        return scene


def _asking(scene: Scene) -> tuple[object, ...]:
    wishes = frozenset(one.id for one in scene.wishes)
    return scene.lines, id(scene.base), wishes, scene.dropped, scene.passed, scene.sort, scene.only, scene.cursor


def gives_way(held: Constraint, ask: Constraint) -> bool:
    """Whether what is asked now takes the place of what was asked before.

    A second value of a field replaces the first; an upper bound leaves a lower one that lies below it, a broader
    category ("for men") the narrower one ("shoes") that reaches into it; what is not wanted leaves what is, unless they
    are the same.
    """
    if held.field != ask.field or (held.field == "category" and _reaches(ask.filter, held.filter)):
        return False
    if isinstance(held.filter, Range) and isinstance(ask.filter, Range):
        return not (_bounds(held.filter, ask.filter) or _bounds(ask.filter, held.filter))
    before, now = isinstance(held.filter, Never), isinstance(ask.filter, Never)
    if before and now:
        return held.filter == ask.filter
    if before or now:
        return bool(_values(held.filter) & _values(ask.filter))
    return True


def _reaches(broad: Filter, narrow: Filter) -> bool:
    """Whether some of the narrow categories lie below one of the broad ones, not all being the same."""
    if not (isinstance(broad, OneOf) and isinstance(narrow, OneOf)) or broad == narrow:
        return False
    paths = [(one, other) for one in broad.values for other in narrow.values]
    return any(
        isinstance(one, tuple) and isinstance(other, tuple) and len(one) < len(other) and other[: len(one)] == one
        for one, other in paths
    )


def _bounds(one: Range, other: Range) -> bool:
    """Whether one is only a lower bound and the other only an upper one above it."""
    if one.low is None or one.high is not None or other.high is None or other.low is not None:
        return False
    return one.low < other.high


def joined(filters: Iterable[Filter | None]) -> Filter | None:
    """All of them at once; None when there are none."""
    parts = tuple(one for one in filters if one is not None)
    return None if not parts else parts[0] if len(parts) == 1 else Every(parts)


def fields_of(given: Filter) -> list[str]:
    """Fields that a filter speaks of."""
    match given:
        case OneOf():
            return [given.field]
        case Range():
            return [getattr(given, "field", PRICE)]
        case Never():
            return fields_of(given.part)
        case _:
            return [name for part in getattr(given, "parts", ()) for name in fields_of(part)]


def _values(given: Filter) -> set[object]:
    if isinstance(given, Never):
        return _values(given.part)
    return set(given.values) if isinstance(given, OneOf) else set()


def without_words(text: str, said: str) -> str:
    """Text without words that a constraint was read from; those that stood apart have "…" between them."""
    cut = text
    for words in said.split("…"):
        if words.strip():
            cut = _whole(words.strip()).sub(" ", cut)
    return " ".join(cut.split()) if cut != text else text


def _whole(words: str) -> Pattern[str]:
    """Words as they stand, whatever the case and the spaces; a Latin word only as a whole."""
    inner = r"\s*".join(re.escape(one) for one in words.split())
    begin = r"(?<![^\W\d_])" if words[:1].isascii() and words[:1].isalnum() else ""
    end = r"(?![^\W\d_])" if words[-1:].isascii() and words[-1:].isalnum() else ""
    return re.compile(f"{begin}{inner}{end}", IGNORECASE)
