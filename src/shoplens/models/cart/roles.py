"""What kind of product goes with what kind: for products that too few have bought to have partners of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.errors import BundleError
from shoplens.models.cart.baskets import Baskets
from shoplens.models.cart.gathering import entries
from shoplens.models.neighbours import load_matrix, save_matrix, top_of_sparse

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]

KINDS = 30  # kinds that go with one
EACH = 30  # products of a kind that stand for it: what most buy


class Roles:
    """A product's kind is its narrowest category; 0 = none, which goes with nothing.

    `goes` [n_kinds, n_kinds] CSR: cosine of the baskets with both kinds, the diagonal empty, because what is of the
    same kind does not complete. `stands` [n_kinds, n_items] CSR: each kind's best sellers, the first of them 1.
    """

    def __init__(self, kind: npt.NDArray[np.int32], goes: Any, stands: Any) -> None:
        self.kind, self.goes, self.stands = kind, goes, stands
        for table in (goes, stands):  # plain arrays, also from a map: their slices cost less
            table.indptr, table.indices, table.data = map(np.asarray, (table.indptr, table.indices, table.data))

    @classmethod
    def fit(
        cls, baskets: Baskets, kind: npt.NDArray[np.int32], bought: Values, *, half_life_days: float, shrinkage: float
    ) -> Roles:
        """`kind` [n_items]; `bought` [n_items]: faded count of baskets with each product."""
        kinds = int(kind.max(initial=0)) + 1
        weight = np.exp2(-baskets.age_days / half_life_days).astype(np.float32)
        of_item = sp.csr_matrix(
            ((kind > 0).astype(np.float32), (np.arange(len(kind)), kind)), shape=(len(kind), kinds), dtype=np.float32
        )
        held = (baskets.matrix() @ of_item).tocsr()
        held.eliminate_zeros()
        held.data[:] = 1.0
        faded = sp.diags(weight) @ held if len(baskets) else held
        count = np.asarray(faded.sum(axis=0), np.float32).ravel()
        goes = (held.T @ faded).tocsr().astype(np.float32)
        row = np.repeat(np.arange(kinds), np.diff(goes.indptr))
        goes.data /= np.sqrt(count[row] * count[goes.indices]) + np.float32(shrinkage)
        goes.data[row == goes.indices] = 0
        goes.eliminate_zeros()
        goes = top_of_sparse(goes, KINDS)
        goes.sort_indices()
        wanted = (kind > 0) & (bought > 0)
        stands = sp.csr_matrix(
            (bought[wanted], (kind[wanted], np.flatnonzero(wanted))), shape=(kinds, len(kind)), dtype=np.float32
        )
        stands = top_of_sparse(stands, EACH)
        best = np.maximum(np.asarray(stands.max(axis=1).todense(), np.float32).ravel(), 1e-12)
        stands.data /= np.repeat(best, np.diff(stands.indptr))
        stands.sort_indices()
        return cls(kind, goes, stands)

    def spread(self, items: Rows, weight: Values) -> tuple[Rows, Values]:
        """Products of the kinds that go with those of `items`: (product, how well); each comes once."""
        kinds, place = np.unique(self.kind[items], return_inverse=True)
        flat, lengths = entries(self.goes.indptr, kinds.astype(np.int64))
        said = self.goes.data[flat] * np.repeat(np.bincount(place, weight), lengths)
        others, place = np.unique(self.goes.indices[flat], return_inverse=True)
        flat, lengths = entries(self.stands.indptr, others.astype(np.int64))
        well = self.stands.data[flat] * np.repeat(np.bincount(place, said, len(others)), lengths)
        return self.stands.indices[flat].astype(np.int64), well.astype(np.float32)

    def same(self, items: Rows, rows: Rows) -> npt.NDArray[np.bool_]:
        """Whether each of `rows` is of the kind of one of `items`. [len(rows)]"""
        there = np.zeros(self.goes.shape[0], np.bool_)
        there[self.kind[items]] = True
        there[0] = False
        return there[self.kind[rows]]

    def voices(self, items: Rows, row: int) -> Values:
        """How well the kind of each of `items` goes with the kind of one product. [len(items)]"""
        goes, kind = self.goes, int(self.kind[row])
        result = np.zeros(len(items), np.float32)
        for place, asked in enumerate(self.kind[items].tolist()):
            low, high = int(goes.indptr[asked]), int(goes.indptr[asked + 1])
            found = np.flatnonzero(goes.indices[low:high] == kind)
            if kind and len(found):
                result[place] = goes.data[low + found[0]]
        return result

    def save(self, folder: Path) -> None:
        """Into an existing folder."""
        np.save(folder / "kind.npy", self.kind, allow_pickle=False)
        save_matrix(folder, "goes", self.goes)
        save_matrix(folder, "stands", self.stands)

    @classmethod
    def load(cls, folder: Path) -> Roles:
        """What `save` wrote; BundleError when it cannot be used."""
        goes, stands = load_matrix(folder, "goes"), load_matrix(folder, "stands")
        try:
            kind = np.load(folder / "kind.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BundleError(f"{folder}: kinds of products cannot be read ({error}); train again") from error
        if stands.shape != (goes.shape[0], len(kind)) or int(kind.max(initial=0)) >= goes.shape[0]:
            raise BundleError(f"{folder}: the kinds do not fit the products; train again")
        return cls(kind, goes, stands)
