"""Token lists of several lengths as rows of one width: short ones share a row, so that little is computed for nothing.

A network's layers cost the same for a place without a token as for one with a token; and attention over a row of 64 is
cheaper a token than over rows of 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHARED = 64  # width of rows that several texts share
SHORT = 32  # longest text that shares one: of longer ones two would seldom fit

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


def laid_out(ids: Sequence[Sequence[int] | Ints], budget: int) -> list[TextRows]:
    """All lists of token ids, none of them empty, in batches of at most `budget` places (but never without a row)."""
    order = sorted(range(len(ids)), key=lambda text: len(ids[text]))
    few = sum(len(ids[text]) <= SHORT for text in order)
    rows = _shared(order[:few], ids)
    batches = [
        rows[start : start + max(budget // SHARED, 1)] for start in range(0, len(rows), max(budget // SHARED, 1))
    ]
    alone: list[list[list[int]]] = []
    for text in order[few:]:
        if alone and (len(alone[-1]) + 1) * len(ids[text]) <= budget:
            alone[-1].append([text])
        else:
            alone.append([[text]])
    return [_filled(batch, ids) for batch in batches + alone]


def _shared(texts: Sequence[int], ids: Sequence[Sequence[int] | Ints]) -> list[list[int]]:
    """Rows of texts, the longest first, each in the fullest row that has room for it."""
    rows: list[list[int]] = []
    having: list[list[int]] = [[] for _ in range(SHARED + 1)]  # room → rows
    for text in reversed(texts):
        length = len(ids[text])
        room = next((room for room in range(length, SHARED + 1) if having[room]), None)
        if room is None:
            room, row = SHARED, len(rows)
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
