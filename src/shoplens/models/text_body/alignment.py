"""Units of a text (words, or characters of a script without spaces) and the encoder's tokens that cover them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.encoders.text import E5Tokens

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Aligned:
    """A text as the encoder reads it."""

    ids: Ints  # [tokens], begin and end marks included
    token: Ints  # [units], place in `ids` of the token that covers the unit's first character
    place: Ints  # [units], how many units begin in that token before this one: 0 for words


def align(tokens: E5Tokens, texts: Sequence[Sequence[str]], *, spaced: bool) -> list[Aligned]:
    """Cut texts of units into tokens, in full: whoever calls keeps them short.

    `spaced`: units stand apart, so that no token spans two of them. Otherwise they are written together and the
    encoder reads words where units are characters. A unit that normalisation leaves nothing of gets the token before.
    """
    begin, end = tokens.ids([""], "")[0]
    once = {unit: tokens.normalised(unit) for unit in {unit for units in texts for unit in units}}
    prepared = [[once[unit] for unit in units] for units in texts]
    gap = " " if spaced else ""
    found = tokens.aligned([gap.join(units) for units in prepared])
    return [
        _aligned(units, [begin, *ids, end], ranges, len(gap))
        for units, (ids, ranges) in zip(prepared, found, strict=True)
    ]


def _aligned(units: Sequence[str], ids: list[int], ranges: Sequence[tuple[int, int]], gap: int) -> Aligned:
    lengths = np.array([len(one) for one in units], np.int64)
    starts = np.cumsum(lengths + gap) - lengths - gap
    covering = np.zeros(
        int(starts[-1] + lengths[-1]) + 1 if len(units) else 1, np.int64
    )  # of characters; 0 = begin mark
    for number, (first, last) in enumerate(ranges, start=1):
        covering[first:last] = number
    token = np.maximum.accumulate(covering)[starts]
    place = np.zeros(len(units), np.int64)
    for unit in range(1, len(units)):
        place[unit] = place[unit - 1] + 1 if token[unit] == token[unit - 1] else 0
    return Aligned(np.array(ids, np.int64), token, place)
