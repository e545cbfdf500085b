"""Every vector is looked at: exact at any size, and fast enough up to some hundred thousand vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from shoplens.retrieval.base import Mask, Rows, Scores, Vectors, as_vectors, best_of, search_subset

FILE_NAME = "vectors.npy"


class ExactIndex:
    """Inner products by matrix multiplication, in blocks of queries so that memory stays bounded."""

    name = "exact"
    block = 64  # queries at a time; 64 × 1 million scores are 256 MB

    def __init__(self) -> None:
        self.vectors: Vectors = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self.vectors)

    def build(self, vectors: Vectors) -> Self:
        """See `Index.build`."""
        self.vectors = as_vectors(vectors)
        return self

    def add(self, vectors: Vectors) -> None:
        """See `Index.add`."""
        if not len(self):
            self.build(vectors)
            return
        self.vectors = np.vstack([self.vectors, as_vectors(vectors, self.vectors.shape[1])])

    def search(self, vectors: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """See `Index.search`."""
        queries = as_vectors(vectors, self.vectors.shape[1] if len(self) else None)
        rows = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        narrow = len(rows) < len(self) / 4  # copying a few rows beats multiplying all
        found, scores = [], []
        for start in range(0, max(len(queries), 1), self.block):
            part = queries[start : start + self.block]
            if not len(rows):
                one = best_of(np.zeros((len(part), 0), np.float32), k, rows)
            elif narrow:
                one = search_subset(self.vectors, rows, part, k)
            else:
                products = part @ self.vectors.T
                one = best_of(products if allowed is None else products[:, rows], k, rows)
            found.append(one[0])
            scores.append(one[1])
        return np.concatenate(found), np.concatenate(scores)

    def save(self, folder: Path) -> None:
        """See `Index.save`."""
        np.save(folder / FILE_NAME, self.vectors, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Index.load`; the vectors are memory-mapped."""
        index = cls()
        index.vectors = np.load(folder / FILE_NAME, mmap_mode="r", allow_pickle=False)
        return index
