"""Token lists of several lengths as rows of one width: short ones share a row, so that little is computed for nothing.

A network's layers cost the same for a place without a token as for one with a token; and attention over a row of 64 is
cheaper a token than over rows of 16.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Longest text → width of the rows that texts up to that length share; of longer ones seldom two fit in a row.
SHARED = {32: 64, 64: 128}
APART = 1.25  # how much longer than the shortest of a batch a text may be that has a row of its own

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TextRows:
    """Some texts of a list, laid out."""

    texts: list[int]  # their numbers in the list, in the order in which their tokens lie here, row by row
    lengths: list[int]  # of each, in tokens
    ids: Ints  # token ids [rows, width]; 1, the padding token, where there is none
    places: Ints  # of each token in its text [rows, width]
    owners: Ints  # which of `texts` a token belongs to, or -1 [rows, width]

    @property
    def starts(self) -> Ints:
        """Where each text begins among all tokens that are there."""
        return np.cumsum(self.lengths, dtype=np.int64) - np.array(self.lengths, np.int64)


def laid_out(ids: Sequence[Sequence[int] | Ints], budget: int, threads: int = 1) -> list[TextRows]:
    """All lists of token ids, none of them empty, in batches of at most `budget` places (but never without a row).

    Batches of rows that are shared are of one size, and so many that `threads` that work on them end together.
    """
    order = sorted(range(len(ids)), key=lambda text: len(ids[text]))
    batches: list[list[list[int]]] = []
    done = 0
    for longest, width in SHARED.items():
        first, done = done, bisect.bisect_right(order, longest, key=lambda text: len(ids[text]))
        rows = _shared(order[first:done], width, ids)
        rounds = math.ceil(len(rows) / (threads * max(budget // width, 1)))
        size = max(math.ceil(len(rows) / max(threads * rounds, 1)), 1)
        batches += [rows[start : start + size] for start in range(0, len(rows), size)]
    alone: list[list[list[int]]] = []
    for text in order[done:]:
        length = len(ids[text])
        if alone and (len(alone[-1]) + 1) * length <= budget and length <= APART * len(ids[alone[-1][0][0]]):
            alone[-1].append([text])
        else:
            alone.append([[text]])
    return [_filled(batch, ids) for batch in batches + alone]


def _shared(texts: Sequence[int], width: int, ids: Sequence[Sequence[int] | Ints]) -> list[list[int]]:
    """Rows of texts, the longest first, each in the fullest row that has room for it."""
    rows: list[list[int]] = []
    having: list[list[int]] = [[] for _ in range(width + 1)]  # room → rows
    for text in reversed(texts):
        length = len(ids[text])
        room = next((room for room in range(length, width + 1) if having[room]), None)
        if room is None:
            room, row = width, len(rows)
            rows.append([])
        else:
            row = having[room].pop()
        rows[row].append(text)
        having[room - length].append(row)
    return rows


def _filled(rows: Sequence[Sequence[int]], ids: Sequence[Sequence[int] | Ints]) -> TextRows:
    width = max(sum(len(ids[text]) for text in row) for row in rows)
    tokens, places = np.ones((len(rows), width), np.int64), np.zeros((len(rows), width), np.int64)
    owners = np.full((len(rows), width), -1, np.int64)
    texts: list[int] = []
    for number, row in enumerate(rows):
        start = 0
        for text in row:
            end = start + len(ids[text])
            tokens[number, start:end], places[number, start:end] = ids[text], np.arange(end - start)
            owners[number, start:end] = len(texts)
            texts.append(text)
            start = end
    return TextRows(texts, [len(ids[text]) for text in texts], tokens, places, owners)
