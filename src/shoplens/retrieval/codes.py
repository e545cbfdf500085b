"""Every vector in half a byte a number: all are compared roughly, the best of them exactly.

Product quantisation (Jégou et al. 2011) of single numbers: each becomes one of sixteen learnt from the catalogue, and a
query looks up what each of them is worth to it (André et al. 2017, through faiss's fast scan). Beside a graph (HNSW) of
100,000 vectors of 384 numbers it takes 2 ms of the processor for 4 and a tenth of the time to build, finds more
(recall@10 1.0 for .983), and needs nothing of a filter. Its time grows with the number of vectors.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
import numpy.typing as npt

from shoplens.retrieval.base import Mask, Rows, Scores, Vectors, as_vectors, best_of, search_subset

VECTORS, CODES = "vectors.npy", "codes.faiss"
FILES = (VECTORS, CODES)

LEAST = 2_000  # vectors, below which all are compared exactly
BITS = 4  # of a number
LEARNT_FROM = 4_096  # vectors; faiss takes no more
ROUNDS = 10  # of learning: more bring nothing
WIDTH = 300  # vectors compared exactly, at least: recall@10 is 1.0 with 200 too, recall@100 .976 there and .994 here
TIMES = 3  # as many as are wanted, where that is more
SPARE = 1.2  # times as many are looked at as a filter lets through on the average
#: Microseconds a vector: multiplied one by one, all multiplied, all compared roughly, put in order by that.
PICKED, MULTIPLIED, SCANNED, ORDERED = 0.45, 0.06, 0.014, 0.15


class CodesIndex:
    """Rough comparison of all, exact comparison of the best `width`."""

    name = "codes"

    def __init__(self, *, width: int = WIDTH) -> None:
        self.width = width
        self._vectors: Vectors = np.zeros((0, 0), np.float32)
        self._codes: Any = None  # None: too few to be worth it
        self._writing = threading.Lock()

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def vectors(self) -> Vectors:
        """All stored vectors, not to be written to. [n, size]"""
        return self._vectors

    def build(self, vectors: Vectors) -> Self:
        """See `Index.build`. The vectors are kept, not copied."""
        array = as_vectors(vectors)
        self._codes = None
        if len(array) >= LEAST:
            size = array.shape[1]
            codes: Any = faiss.IndexPQFastScan(size, size, BITS, faiss.METRIC_INNER_PRODUCT)
            codes.pq.cp.niter = ROUNDS
            chosen = np.random.default_rng(0).choice(len(array), min(LEARNT_FROM, len(array)), replace=False)
            codes.train(array[np.sort(chosen)])
            codes.add(array)
            self._codes = codes
        self._vectors = array
        return self

    def add(self, vectors: Vectors) -> None:
        """See `Index.add`. Searches must wait meanwhile: faiss does not lock."""
        if not len(self):
            self.build(vectors)
            return
        with self._writing:
            fresh = as_vectors(vectors, self._vectors.shape[1])
            together = np.concatenate([self._vectors, fresh])
            if self._codes is None:
                self.build(together)
                return
            self._codes.add(fresh)
            self._vectors = together

    def search(self, vectors: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """See `Index.search`."""
        queries = as_vectors(vectors, self._vectors.shape[1] if len(self) else None)
        rows = None if allowed is None else np.flatnonzero(allowed)
        count = len(self) if rows is None else len(rows)
        if not count:
            return best_of(np.zeros((len(queries), 0), np.float32), k, np.zeros(0, np.int64))
        found, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        for place in range(len(queries)):
            query = queries[place : place + 1]
            near = self._near(query, max(self.width, TIMES * k), count, allowed)
            found[place], scores[place] = (
                self._exactly(query, k, rows) if near is None else search_subset(self._vectors, near, query, k)
            )
        return found, scores

    def _near(self, query: Vectors, wanted: int, count: int, allowed: Mask | None) -> npt.NDArray[np.int64] | None:
        """The `wanted` rows that look best among `count` that are allowed; None where all of them are to be compared,
        as that is less work. [wanted], ascending"""
        if self._codes is None or wanted >= count:
            return None
        exactly = min(PICKED * count, MULTIPLIED * len(self))
        limit = wanted if allowed is None else int(SPARE * wanted * len(self) / count)
        while limit < len(self) and SCANNED * len(self) + ORDERED * limit + PICKED * wanted < exactly:
            _, (rows,) = self._codes.search(query, limit)
            rows = rows[rows >= 0]  # -1 stands for what looks no better than nothing
            near: npt.NDArray[np.int64] = rows if allowed is None else rows[allowed[rows]]
            if len(near) >= wanted:
                return np.sort(near[:wanted])
            limit *= max(2, int(SPARE * wanted / max(len(near), 1)))  # the filter likes what is far from the query
        return None

    def _exactly(self, query: Vectors, k: int, rows: npt.NDArray[np.int64] | None) -> tuple[Rows, Scores]:
        if rows is not None and PICKED * len(rows) < MULTIPLIED * len(self):
            return search_subset(self._vectors, rows, query, k)
        products = query @ self._vectors.T
        rows = np.arange(len(self)) if rows is None else rows
        return best_of(products if len(rows) == len(self) else products[:, rows], k, rows)

    def save(self, folder: Path) -> None:
        """See `Index.save`."""
        if not len(self):
            raise ValueError("nothing to save: build the index first")
        np.save(folder / VECTORS, self._vectors, allow_pickle=False)
        (folder / CODES).unlink(missing_ok=True)
        if self._codes is None:
            (folder / CODES).touch()
        else:
            faiss.write_index(self._codes, str(folder / CODES))

    @classmethod
    def load(cls, folder: Path, *, mapped: bool = False) -> Self:
        """See `Index.load`. `mapped`: numbers stay in the files, which processes share; nothing can be added."""
        index = cls()
        stored = np.load(folder / VECTORS, mmap_mode="r" if mapped else None, allow_pickle=False)
        index._vectors = as_vectors(np.asarray(stored))
        if (folder / CODES).stat().st_size:
            index._codes = faiss.read_index(str(folder / CODES), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
            if index._codes.ntotal != len(index):
                raise ValueError(f"{folder}: {index._codes.ntotal} codes of {len(index)} vectors")
        return index
