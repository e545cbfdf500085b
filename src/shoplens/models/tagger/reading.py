"""What the network receives of a sentence: tokens, and of each unit its shape, its letters and its place in a token.

Capitals are a trap of pretrained encoders: LEICESTERSHIRE is cut into scraps that say nothing. A word in capitals is
shown to the encoder as Leicestershire when the vocabulary has fewer pieces for that; its shape says what was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt

from shoplens.encoders.text import E5Tokens
from shoplens.models.text_body.alignment import Aligned, align

Ints = npt.NDArray[np.int64]

BUCKETS = 8_192  # of each kind of letters
LETTERS = 3  # kinds of letters a unit has
PLACES = 4  # in a token: first, second, third, further
REMEMBERED = 65_536  # units whose shape and letters are kept: most words come again
SEPARATOR = 0  # shape of what stands between sentences that are read together
SHAPES = 22  # 1 + ten shapes, twice: in a sentence that has small letters or has none


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """A sentence as numbers. A sentence longer than the encoder can read is several of these."""

    ids: Ints  # [tokens], without begin and end marks
    token: Ints  # [units], place in `ids`
    place: Ints  # [units], below PLACES
    shape: Ints  # [units], below SHAPES
    letters: Ints  # [units, LETTERS], below LETTERS × BUCKETS

    def __len__(self) -> int:
        return len(self.token)

    def part(self, first: int, last: int, longest: int) -> ReadSentence:
        """Units `first` up to and without `last`, the first `longest` tokens of them."""
        begin = int(self.token[first])
        end = int(self.token[last]) if last < len(self) else len(self.ids)
        end = max(end, int(self.token[last - 1]) + 1)
        end = min(end, begin + longest)
        rows = slice(first, last)
        token = np.minimum(self.token[rows], end - 1) - begin
        return ReadSentence(self.ids[begin:end], token, self.place[rows], self.shape[rows], self.letters[rows])


def read_sentences(tokens: E5Tokens, texts: Sequence[Sequence[str]], *, characters: bool) -> list[ReadSentence]:
    """Sentences of units as the network receives them."""
    written = texts if characters else _recased(tokens, texts)
    aligned = align(tokens, written, spaced=not characters)
    return [_read(units, one, characters=characters) for units, one in zip(texts, aligned, strict=True)]


def _read(units: Sequence[str], aligned: Aligned, *, characters: bool) -> ReadSentence:
    small = any(one.islower() for one in units)
    shape = np.array([1 + _shape(one) + (0 if small else 10) for one in units], np.int64)
    coded = [_coded(*kinds) for kinds in _neighbours(units)] if characters else [_affixes(one) for one in units]
    place = np.minimum(aligned.place, PLACES - 1)
    token = np.maximum(aligned.token - 1, 0)  # without the begin mark; a unit of nothing at the start gets the first
    ids = aligned.ids[1:-1]
    if not len(ids):
        ids, token = aligned.ids[-1:], np.zeros(len(units), np.int64)
    return ReadSentence(ids, token, place, shape, np.array(coded, np.int64).reshape(len(units), LETTERS))


@lru_cache(REMEMBERED)
def _affixes(unit: str) -> tuple[int, ...]:
    """Of a word: itself, its first and its last three letters, in small letters."""
    lower = unit.lower()
    return _coded(lower, lower[:3], lower[-3:])


@lru_cache(REMEMBERED)
def _coded(*letters: str) -> tuple[int, ...]:
    return tuple(kind * BUCKETS + crc32(one.encode("utf-8", "replace")) % BUCKETS for kind, one in enumerate(letters))


def _neighbours(units: Sequence[str]) -> list[tuple[str, str, str]]:
    """Of a character: itself, with the one before, with the one after."""
    lower = ["", *(one.lower() for one in units), ""]
    return [(lower[at], lower[at - 1] + lower[at], lower[at] + lower[at + 1]) for at in range(1, len(lower) - 1)]


@lru_cache(REMEMBERED)
def _shape(unit: str) -> int:  # noqa: PLR0911 - a table of cases
    if not any(one.isalnum() for one in unit):
        return 0
    if unit.isdigit():
        return 1
    if any(one.isdigit() for one in unit):
        return 2 if any(one.isalpha() for one in unit) else 3
    if unit.islower():
        return 4
    if unit.isupper():
        return 5 if len(unit) == 1 else 6
    if unit[0].isupper() and not any(one.isupper() for one in unit[1:]):
        return 7
    return 8 if any(one.isupper() for one in unit) else 9  # mixed; a script without capitals


def _recased(tokens: E5Tokens, texts: Sequence[Sequence[str]]) -> list[list[str]]:
    """Words in capitals written as a name is, where that takes fewer pieces."""
    shouted = sorted({unit for units in texts for unit in units if len(unit) > 1 and unit.isupper()})
    named = [one.capitalize() if "-" not in one else one.title() for one in shouted]
    counts = [len(ids) for ids, _ in tokens.aligned([tokens.normalised(one) for one in (*shouted, *named)])]
    better = {
        one: other
        for one, other, before, after in zip(
            shouted, named, counts[: len(shouted)], counts[len(shouted) :], strict=True
        )
        if after < before
    }
    return [[better.get(unit, unit) for unit in units] for units in texts]
