"""A sparse item-to-item matrix: each product's strongest relations. Folding a history in is a sum of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse import _sparsetools

from shoplens.domain.dataset import Histories
from shoplens.errors import BundleError
from shoplens.models.base import Scores
from shoplens.models.folding import Matrix

PIECES = ("data", "indices", "indptr")


def top_of_dense(block: npt.NDArray[np.float32], k: int) -> Matrix:
    """The k largest entries by magnitude of each row of a dense block, as CSR float32; zeros are dropped."""
    rows, width = block.shape
    if k < width:
        place = np.argpartition(np.abs(block), width - k, axis=1)[:, width - k :].astype(np.int32)
        place.sort(axis=1)
    else:
        place = np.tile(np.arange(width, dtype=np.int32), (rows, 1))
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

    def entries(self, items: npt.NDArray[np.integer[Any]]) -> int:
        """How many relations these products have."""
        indptr = self.matrix.indptr
        return int((indptr[items + 1] - indptr[items]).sum())

    def score(self, preferences: Matrix) -> Scores:
        """Preference rows times the matrix, float32 [n_people, n_items]."""
        if preferences.shape[0] == 1:
            return self.score_one(preferences.indices, preferences.data)[None, :]
        many: Scores = (preferences @ self.matrix).toarray()
        return many

    def score_one(
        self, items: npt.NDArray[np.integer[Any]], weight: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """One preference row, given by its entries, times the matrix. float32 [n_items].

        The rows of the history, read as columns: one pass over a few thousand entries, no sparse result to build, and
        also from a memory map only those rows are copied. `(matrix[items].T @ weight)` is the same to the bit, but
        spends most of its time on making and checking two matrices that nobody keeps.
        """
        scores = np.zeros(self.n_items, np.float32)
        self.add(self.matrix, items, weight, scores)
        return scores

    @staticmethod
    def add(
        matrix: Matrix,
        items: npt.NDArray[np.integer[Any]],
        weight: npt.NDArray[np.float32],
        scores: npt.NDArray[np.float32],
    ) -> npt.NDArray[np.integer[Any]]:
        """Add `score_one` of any CSR float32 matrix to `scores`, [columns], in place. Returns the columns that were
        added to, each as often as that was done."""
        rows, columns = matrix.shape
        kind = matrix.indptr.dtype
        if not len(items):
            return np.zeros(0, kind)
        # The compiled loops below would read and write foreign memory.
        if items.min() < 0 or items.max() >= rows:
            raise IndexError(f"product rows must lie within 0 to {rows - 1}")
        if len(scores) != columns:
            raise IndexError(f"scores must be of {columns} products")
        length = matrix.indptr[items + 1] - matrix.indptr[items]
        indptr = np.zeros(len(items) + 1, kind)
        np.cumsum(length, out=indptr[1:])
        indices, data = np.empty(indptr[-1], kind), np.empty(indptr[-1], np.float32)
        chosen = items.astype(kind, copy=False)
        _sparsetools.csr_row_index(len(chosen), chosen, matrix.indptr, matrix.indices, matrix.data, indices, data)
        _sparsetools.csc_matvec(columns, len(chosen), indptr, indices, data, weight, scores)
        return indices

    def contributions(self, speakers: Matrix, target: Matrix) -> npt.NDArray[np.float32]:
        """What each row of `speakers` (one product of a history each, [n, n_items]) adds to a weighted sum of scores.

        `target` holds the weights as one sparse row, [1, n_items]: a single 1 for the score of one product.
        """
        used = np.unique(speakers.indices)
        toward = self.matrix[used] @ target.T  # [len(used), 1]
        result: npt.NDArray[np.float32] = (speakers[:, used] @ toward).toarray().ravel()
        return result

    def save(self, folder: Path) -> None:
        """See `save_matrix`."""
        save_matrix(folder, "neighbours", self.matrix)

    @classmethod
    def load(cls, folder: Path) -> Neighbours:
        """See `load_matrix`."""
        result = cls.__new__(cls)  # rows are already sorted, and a read-only map could not be sorted
        result.matrix = load_matrix(folder, "neighbours")
        if result.matrix.shape[0] != result.matrix.shape[1]:
            raise BundleError(f"{folder}: the item-to-item matrix is not square; train again")
        return result


def save_matrix(folder: Path, name: str, matrix: Matrix) -> None:
    """A CSR matrix as .npy files, which can be memory-mapped."""
    for piece in PIECES:
        np.save(folder / f"{name}-{piece}.npy", getattr(matrix, piece), allow_pickle=False)
    np.save(folder / f"{name}-shape.npy", np.array(matrix.shape, np.int64), allow_pickle=False)


def load_matrix(folder: Path, name: str) -> Matrix:
    """Memory-mapped: pages are read when a history needs them and are shared between processes."""
    try:
        data, indices, indptr, shape = (
            np.load(folder / f"{name}-{piece}.npy", mmap_mode="r", allow_pickle=False) for piece in (*PIECES, "shape")
        )
        fits = len(data) == len(indices) == int(indptr[-1]) and len(indptr) == int(shape[0]) + 1
    except (OSError, ValueError, IndexError) as error:
        raise BundleError(f"{folder}: matrix {name!r} cannot be read ({error}); train again") from error
    if not fits:
        raise BundleError(f"{folder}: the pieces of matrix {name!r} do not fit together; train again")
    matrix = sp.csr_matrix((data, indices, indptr), shape=(int(shape[0]), int(shape[1])), copy=False)
    matrix.has_sorted_indices = True
    return matrix


def strongest(items: Any, value: npt.NDArray[np.float32], at_most: int) -> list[tuple[int, float]]:
    """(item row, contribution) of the largest contributions above 0, largest first."""
    best = np.argsort(-value, kind="stable")[:at_most]
    return [(int(items[place]), float(value[place])) for place in best if value[place] > 0]


def one_by_one(preferences: Matrix) -> Matrix:
    """The entries of a one-row matrix, each in a row of its own."""
    number = preferences.nnz
    return sp.csr_matrix((preferences.data, preferences.indices, np.arange(number + 1)), (number, preferences.shape[1]))


def single(item: int, n_items: int) -> Matrix:
    """One product as a sparse row with a 1, [1, n_items]."""
    return sp.csr_matrix((np.ones(1, np.float32), ([0], [item])), shape=(1, n_items))


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
