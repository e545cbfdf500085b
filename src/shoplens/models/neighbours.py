"""A sparse item-to-item matrix: each product's strongest relations. Folding a history in is a sum of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.dataset import Histories
from shoplens.errors import BundleError
from shoplens.models.base import Scores
from shoplens.models.folding import Matrix

PIECES = ("data", "indices", "indptr")


def top_of_dense(block: npt.NDArray[np.float32], k: int) -> Matrix:
    """The k largest entries by magnitude of each row of a dense block, as CSR float32. `block` may be overwritten."""
    rows, width = block.shape
    if k < width:
        size = np.abs(block)
        place = np.argpartition(size, width - k, axis=1)[:, width - k :].astype(np.int32)
        place.sort(axis=1)
    else:
        place = np.broadcast_to(np.arange(width, dtype=np.int32), (rows, width))
    value = np.take_along_axis(block, place, axis=1)
    indptr = np.arange(rows + 1) * place.shape[1]
    result = sp.csr_matrix((value.ravel(), place.ravel(), indptr), shape=(rows, width))
    result.eliminate_zeros()
    return result


def top_of_sparse(matrix: Matrix, k: int) -> Matrix:
    """The k largest entries by magnitude of each row of a CSR matrix."""
    length = np.diff(matrix.indptr)
    if not len(length) or length.max() <= k:
        return matrix
    keep = np.ones(matrix.nnz, np.bool_)
    for row in np.flatnonzero(length > k):
        low, high = matrix.indptr[row], matrix.indptr[row + 1]
        drop = np.argpartition(np.abs(matrix.data[low:high]), high - low - k)[: high - low - k]
        keep[low + drop] = False
    indptr = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
    return sp.csr_matrix((matrix.data[keep], matrix.indices[keep], indptr), shape=matrix.shape)


class Neighbours:
    """Item-to-item relations, CSR float32 [n_items, n_items]: row = product in the history, column = product scored."""

    def __init__(self, matrix: Matrix) -> None:
        matrix.sort_indices()
        self.matrix = matrix

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return int(self.matrix.shape[0])

    def score(self, preferences: Matrix) -> Scores:
        """Preference rows times the matrix, float32 [n_people, n_items]."""
        if preferences.shape[0] == 1:
            # The rows of the history, read as columns: one pass over a few thousand entries, no sparse result to build.
            # (Fancy indexing copies only those rows, also from a memory map.)
            single: Scores = (self.matrix[preferences.indices].T @ preferences.data)[None, :]
            return single
        many: Scores = (preferences @ self.matrix).toarray()
        return many

    def contributions(self, preferences: Matrix, item: int) -> npt.NDArray[np.float32]:
        """What each product of a one-row preference matrix adds to the score of `item`; order of its `indices`."""
        column = self.matrix[preferences.indices][:, [item]].toarray().ravel()
        product: npt.NDArray[np.float32] = column * preferences.data
        return product

    def save(self, folder: Path) -> None:
        """Three .npy files, which can be memory-mapped."""
        for piece in PIECES:
            np.save(folder / f"neighbours-{piece}.npy", getattr(self.matrix, piece), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Neighbours:
        """Memory-mapped: pages are read when a history needs them and are shared between processes."""
        try:
            data, indices, indptr = (
                np.load(folder / f"neighbours-{piece}.npy", mmap_mode="r", allow_pickle=False) for piece in PIECES
            )
        except (OSError, ValueError) as error:
            raise BundleError(f"{folder}: item-to-item matrix cannot be read ({error}); train again") from error
        n_items = len(indptr) - 1
        if len(data) != len(indices) or int(indptr[-1]) != len(data):
            raise BundleError(f"{folder}: the pieces of the item-to-item matrix do not fit together; train again")
        result = cls.__new__(cls)  # rows are already sorted, and a read-only map could not be sorted
        result.matrix = sp.csr_matrix((data, indices, indptr), shape=(n_items, n_items), copy=False)
        result.matrix.has_sorted_indices = True
        return result


def explain(relations: Neighbours, preferences: Matrix, item: int, at_most: int) -> list[tuple[int, float]]:
    """The products of a history that speak most for `item`: (item row, contribution), largest first, above 0 only."""
    value = relations.contributions(preferences, item)
    best = np.argsort(-value, kind="stable")[:at_most]
    return [(int(preferences.indices[place]), float(value[place])) for place in best if value[place] > 0]


def blocks(count: int, width: int, budget_bytes: int = 128 << 20) -> list[slice]:
    """Cut `count` rows into blocks whose dense float32 form with `width` columns stays within `budget_bytes`."""
    size = max(1, min(4096, budget_bytes // max(1, 4 * width)))
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def one_history(items: Any, weight: Any = None, age_days: Any = None) -> Histories:
    """A history of bare item rows: weight 1, age 0 unless given."""
    rows = np.asarray(items, np.int32)
    return Histories.of_one(
        rows,
        np.ones(len(rows), np.float32) if weight is None else np.asarray(weight, np.float32),
        np.zeros(len(rows), np.float32) if age_days is None else np.asarray(age_days, np.float32),
    )
