"""Takes an utterance apart: what refers to the conversation becomes moves, what is left are plain search words.

Patterns run over text in one form (NFKC, simplified Chinese, one space between words). Ordinals and "this one" become
one sign first, so that every other pattern knows a reference when it sees one; what a pattern matched is cut out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from re import Match, Pattern

from shoplens.apps.interaction import wording
from shoplens.apps.interaction.commands import command_in, names_feature, trimmed
from shoplens.apps.interaction.moves import (
    POINTED,
    Free,
    Like,
    Move,
    Order,
    Other,
    Pick,
    Price,
    Reading,
    Reset,
    Without,
)
from shoplens.apps.interaction.references import (
    MOST_PLACES,
    places_in,
    sign_photo,
    sign_places,
    sign_pointing,
    without_signs,
)
from shoplens.features.align.glosses import glossary
from shoplens.recommend.asking import Sort

MOST_MOVES = 8  # of one utterance; nobody says more, and what is beyond stays plain words

_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")


def plain(text: str) -> str:
    """NFKC, simplified, without control characters, single spaces; letter case stays."""
    text = unicodedata.normalize("NFKC", _PRIVATE.sub(" ", text)).replace("’", "'").replace("‘", "'")
    if not text.isascii():
        text = text.translate(_simplified())
    return " ".join(_CONTROL.sub(" ", text).split())


@cache
def _simplified() -> dict[int, str]:
    """Traditional letters → simplified. A letter that is the simplified form of another stays: 么 is 麼, hardly 幺."""
    letters = glossary().simplified
    already = set(letters.values())
    return {letter: simple for letter, simple in letters.items() if chr(letter) not in already}


class Refinements:
    """Reads utterances. `attributes`: names of the catalogue's attributes, which shoppers may use ("any fabric")."""

    def __init__(self, attributes: Sequence[str] = ()) -> None:
        self._names = wording.field_names(attributes)
        self._fields = wording.FieldWording(tuple(self._names))

    def read(self, text: str, *, photos: bool = False, begun: bool = False) -> Reading:
        """Moves and plain words.

        photos: of this turn, which "like this" then means. begun: whether there is a search that could be refined;
        without one, "cheaper", "more" and "the second one" are words like any other.
        """
        whole = plain(text)
        command, rest = command_in(whole)
        reset = isinstance(command, Reset)
        if command is not None and not (begun or reset):
            return Reading((), trimmed(whole))
        moves: list[Move] = [] if command is None else [command]
        if rest:
            rest = self._moves(rest, moves, photos=photos, begun=begun and not reset)
        words = trimmed(rest)
        return Reading(tuple(moves[:MOST_MOVES]), words, names_feature(words))

    def _moves(self, text: str, moves: list[Move], *, photos: bool, begun: bool) -> str:
        """Adds the moves of a text; returns what is left of it."""
        if photos:
            text = sign_photo(text)
        cut = _Cut(sign_places(text) if begun else text)
        if begun:
            self._about_fields(cut, moves)
        if begun or photos:
            cut.text = sign_pointing(cut.text)
        if begun:
            _about_price(cut, moves)
        if begun or photos:
            _about_order(cut, moves)
            _about_products(cut, moves)
        return without_signs(cut.text)

    def _about_fields(self, cut: _Cut, moves: list[Move]) -> None:
        """Free and Other."""
        moves.extend(Other(self._name(one), places_in(one["ref"])) for one in cut.take(self._fields.other_than))
        moves.extend(Free(self._name(one)) for one in cut.take(self._fields.free))
        moves.extend(Other(self._name(one)) for one in cut.take(self._fields.other))

    def _name(self, match: Match[str]) -> str:
        return self._names[match["field"].casefold()]


class _Cut:
    """Text of which pieces are taken."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, patterns: Sequence[Pattern[str]]) -> Iterator[Match[str]]:
        """Cut out every match."""
        for pattern in patterns:
            for _ in range(MOST_MOVES):
                match = pattern.search(self.text)
                if match is None or match.start() == match.end():
                    break
                self.text = f"{self.text[: match.start()]} {self.text[match.end() :]}"
                yield match


def _about_price(cut: _Cut, moves: list[Move]) -> None:
    for down, patterns in ((True, wording.CHEAPER), (False, wording.DEARER)):
        for match in cut.take(patterns):
            groups = match.groupdict()
            if not any(isinstance(one, Price) for one in moves):
                moves.append(Price(down, bool(groups.get("much")), places_in(groups.get("ref") or "")))


def _about_order(cut: _Cut, moves: list[Move]) -> None:
    for field, descending, patterns in wording.ORDERS:
        moves.extend(Order(Sort(field, descending)) for _ in cut.take(patterns))


def _about_products(cut: _Cut, moves: list[Move]) -> None:
    """Without, Like and Pick."""
    moves.extend(Without(places_in(match["ref"])) for match in cut.take(wording.WITHOUT))
    liked = [place for match in cut.take(wording.LIKE) for place in places_in(match["ref"])]
    if not liked and next(cut.take(wording.RESEMBLING), None) is not None:
        liked = list(POINTED)
    if liked:
        moves.append(Like(tuple(dict.fromkeys(liked))[:MOST_PLACES]))
    elif picked := places_in(cut.text):
        moves.append(Pick(picked))
