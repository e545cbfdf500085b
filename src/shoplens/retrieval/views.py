"""Several vectors of one product beside the one that a signal holds: the shots of its videos.

A product is as near as the nearest of them, so that what is seen for a moment only is found as well.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shoplens.retrieval.base import Mask

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]
#: What is asked [size], vectors [m, size] → scores [m].
Fits = Callable[[Floats, Floats], Floats]
FINER = 3  # times as many are found by the dot product as are wanted, where a finer score orders them


class Views:
    """Vectors [n, size] and the caller's row of each; of a row there may be many. Does not change."""

    def __init__(self, rows: RowNumbers, vectors: Floats) -> None:
        order = np.argsort(rows, kind="stable")
        self._rows = np.asarray(rows, np.int64)[order]
        self._vectors = np.ascontiguousarray(vectors[order], np.float32)

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def without(self, rows: RowNumbers) -> Views:
        """The same, less some products."""
        kept = ~np.isin(self._rows, rows)
        return Views(self._rows[kept], self._vectors[kept])

    def search(
        self, asked: Floats, k: int, allowed: Mask | None = None, rescore: Fits | None = None
    ) -> tuple[RowNumbers, Floats]:
        """The up to k rows with the best vectors, in no order, and their scores; only rows where `allowed` is True."""
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        scores = self._vectors @ asked
        if allowed is not None:
            inside = self._rows < len(allowed)
            inside[inside] = allowed[self._rows[inside]]
            scores = np.where(inside, scores, -np.inf)
        wanted = k if rescore is None else FINER * k
        places = np.argpartition(-scores, wanted - 1)[:wanted] if wanted < len(scores) else np.arange(len(scores))
        places = places[np.isfinite(scores[places])]
        found = scores[places] if rescore is None or not len(places) else rescore(asked, self._vectors[places])
        return best_of_each(self._rows[places], found)

    def score(self, asked: Floats, rows: RowNumbers, rescore: Fits | None = None) -> Floats:
        """The best score of each of some rows [m]; NaN where there is no vector."""
        first, end = np.searchsorted(self._rows, rows), np.searchsorted(self._rows, rows, side="right")
        scores = np.full(len(rows), np.nan, np.float32)
        known = np.flatnonzero(end > first)
        if len(known):
            places = np.concatenate([np.arange(first[one], end[one]) for one in known])
            vectors = self._vectors[places]
            found = vectors @ asked if rescore is None else rescore(asked, vectors)
            counts = (end - first)[known]
            scores[known] = np.maximum.reduceat(found, np.concatenate([[0], np.cumsum(counts)[:-1]]))
        return scores


def best_of_each(rows: RowNumbers, scores: Floats) -> tuple[RowNumbers, Floats]:
    """Every row once, with its best score."""
    order = np.lexsort((-scores, rows))
    rows, scores = rows[order], scores[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows[1:] != rows[:-1]
    return rows[first], scores[first]
