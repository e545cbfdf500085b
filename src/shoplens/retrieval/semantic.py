"""Products by vectors, always as fresh as the last call: an index for those of the last build, a tail for what came since.

A product that changes gets a new place at the end of the tail and its old place dies; a product that leaves dies. The
dead are never found. When the tail grows, `rebuild` (minutes for a million products, so in the background) makes a new
index while searches and changes go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.errors import InputError
from shoplens.retrieval.base import Mask, Vectors, as_vectors
from shoplens.retrieval.exact import ExactIndex
from shoplens.retrieval.hnsw import HnswIndex

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

EXACT_BELOW = 30_000  # products: up to here looking at all of them takes less than 2 ms
TAIL = 5_000  # products that may wait for the next build, or a tenth of all
SAMPLE = 512  # products that tell what is usual for a query

#: The fine score: [size] and [m, size] → [m]. None: the dot product itself.
Rescore = Callable[[Floats, Floats], Floats]


@dataclass(slots=True)
class _Held:
    """What searches read. Replaced as a whole, but for `row` and `place`, whose entries die in place."""

    index: ExactIndex | HnswIndex  # places 0 … len(index)
    tail: Vectors  # [room, size]: places from len(index) on
    row: Places  # [room of places]: row at a place, -1 = dead
    place: Places  # [rows]: place of a row, -1 = none
    used: int  # places


class VectorSignal:
    """One kind of vectors of products. Rows are the caller's, any non-negative integers. Safe to share between threads.

    `rescore` orders what the dot product finds more finely (see `Alignment.rescore`).
    """

    def __init__(self, name: str, size: int, *, rescore: Rescore | None = None, exact_below: int = EXACT_BELOW) -> None:
        self.name = name
        self.size = size
        self.rescore = rescore
        self.exact_below = exact_below
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._live = 0
        self._held = self._empty()

    def __len__(self) -> int:
        """Products that have a vector."""
        return self._live

    @property
    def wants_rebuild(self) -> bool:
        """Whether so much changed since the last build that searches get slower."""
        raise NotImplementedError

    def put(self, rows: Sequence[int] | Places, vectors: npt.ArrayLike) -> None:
        """Add or replace the vectors [n, size] of products; found by whoever searches from now on."""
        raise NotImplementedError

    def remove(self, rows: Sequence[int] | Places) -> None:
        """Forget products; rows without a vector are ignored."""
        raise NotImplementedError

    def rebuild(self) -> None:
        """Make a new index of all that lives. Slow; searches and changes go on meanwhile, and none is lost."""
        raise NotImplementedError

    def has(self, rows: Places) -> Mask:
        """Which products have a vector. [len(rows)]"""
        raise NotImplementedError

    def search(self, vector: Floats, k: int, allowed: Mask | None = None) -> tuple[Places, Floats]:
        """The up to k best rows and their scores, best first; only rows where `allowed` (bool [rows]) is True.

        Rows from len(allowed) on are not allowed.
        """
        raise NotImplementedError

    def score(self, vector: Floats, rows: Places) -> Floats:
        """Exact scores of any rows [m]; NaN where a product has no vector."""
        raise NotImplementedError

    def usual(self, vector: Floats) -> tuple[float, float]:
        """Mean and deviation of the scores of a sample of products: what a score must be compared with."""
        raise NotImplementedError

    def _empty(self) -> _Held:
        raise NotImplementedError
