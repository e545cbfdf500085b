"""What every nearest-neighbour index does. One suite of checks (`shoplens.testing.indexes`) runs on each backend."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]  # [n, size]
Rows = npt.NDArray[np.int64]  # [n_queries, k], -1 = nothing more
Scores = npt.NDArray[np.float32]  # [n_queries, k], inner product, descending; -inf beside row -1
Mask = npt.NDArray[np.bool_]  # [n]


@runtime_checkable
class Index(Protocol):
    """Finds the rows whose vectors have the largest inner product with a query (cosine, when all are unit length)."""

    name: str

    def __len__(self) -> int:
        """How many vectors there are."""
        ...

    def build(self, vectors: Vectors) -> Self:
        """Start over with these vectors; row k is `vectors[k]`. Returns itself."""
        ...

    def add(self, vectors: Vectors) -> None:
        """Append vectors; their rows follow the last one."""
        ...

    def search(self, vectors: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """The k best rows for each query, best first; only rows where `allowed` is True, when given."""
        ...

    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an existing folder."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Never unpickles."""
        ...


def as_vectors(vectors: npt.ArrayLike, size: int | None = None) -> Vectors:
    """Contiguous float32 [n, size]; ValueError when the shape does not fit."""
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2 or (size is not None and array.shape[1] != size):
        raise ValueError(f"expected vectors of shape [n, {size or 'size'}], got {list(array.shape)}")
    return array


def search_subset(stored: Vectors, rows: npt.NDArray[np.int64], queries: Vectors, k: int) -> tuple[Rows, Scores]:
    """Exact search among some rows only: cheaper than any graph when a filter keeps few."""
    products = queries @ stored[rows].T  # [n_queries, len(rows)]
    return best_of(products, k, rows)


def best_of(products: npt.NDArray[np.float32], k: int, rows: npt.NDArray[np.int64]) -> tuple[Rows, Scores]:
    """The k largest columns of each line, named by `rows`, padded with (-1, -inf); ties go to the lower row."""
    n_queries, n = products.shape
    found = np.full((n_queries, k), -1, np.int64)
    scores = np.full((n_queries, k), -np.inf, np.float32)
    kept = min(k, n)
    if kept:
        chosen = (
            np.argpartition(-products, kept - 1, axis=1)[:, :kept]
            if kept < n
            else np.broadcast_to(np.arange(n), (n_queries, n))
        )
        values = np.take_along_axis(products, chosen, axis=1)
        order = np.lexsort((rows[chosen], -values), axis=1)
        found[:, :kept] = rows[np.take_along_axis(chosen, order, axis=1)]
        scores[:, :kept] = np.take_along_axis(values, order, axis=1)
    return found, scores
