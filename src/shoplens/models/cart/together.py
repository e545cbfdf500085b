"""What is bought together: a sparse table of pairs, faded by age, with what tells how surprising a pair is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.compute.local import LocalExecutor
from shoplens.errors import BundleError
from shoplens.models.cart.baskets import Baskets
from shoplens.models.cart.gathering import entries
from shoplens.models.neighbours import load_matrix, save_matrix, top_of_sparse

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]

LARGEST = 100  # products of one basket that make pairs; a wholesale order of 3,000 would make 9 million
BLOCK = 2_048  # products whose pairs are counted at once


class Together:
    """For each product the partners that it is bought with most surely.

    `pairs` [n_items, n_items] CSR float32: weight of the baskets that held both, each halved every `half_life_days`;
    `bought` [n_items]: the same for baskets with the product at all. From both come the two ways to read a pair:
    how likely the partner is when the product is there (`confidence`), and how alike the two sets of baskets are
    (`cosine`), which does not favour what everybody buys.
    """

    def __init__(self, pairs: Any, bought: Values, *, shrinkage: float) -> None:
        self.pairs = pairs
        self.bought = bought
        self.shrinkage = shrinkage
        pairs.indptr, pairs.indices = np.asarray(pairs.indptr), np.asarray(pairs.indices)  # plain, also from a map
        lengths = np.diff(pairs.indptr)
        here = np.repeat(bought, lengths)
        there = bought[pairs.indices]
        self._confidence = pairs.data / (here + np.float32(shrinkage))
        self._cosine = pairs.data / (np.sqrt(here * there) + np.float32(shrinkage))

    @classmethod
    def fit(
        cls, baskets: Baskets, *, half_life_days: float = 120.0, shrinkage: float = 5.0, partners: int = 100
    ) -> Together:
        """Count pairs in blocks of products on all cores; keep the `partners` strongest of each by cosine."""
        weight = np.exp2(-baskets.age_days / half_life_days).astype(np.float32)
        bought = np.bincount(baskets.item, np.repeat(weight, baskets.sizes), baskets.n_items).astype(np.float32)
        some = _cut(baskets)
        plain, faded = some.matrix(), some.matrix(weight)
        by_item = faded.T.tocsr()

        def block(start: int) -> Any:
            stop = min(start + BLOCK, baskets.n_items)
            pairs = (by_item[start:stop] @ plain).tocsr()
            row = np.repeat(np.arange(start, stop), np.diff(pairs.indptr))
            pairs.data[pairs.indices == row] = 0
            strength = pairs.copy()
            strength.data /= np.sqrt(bought[row] * bought[pairs.indices]) + np.float32(shrinkage)
            strength.eliminate_zeros()
            kept = top_of_sparse(strength, partners)
            row = np.repeat(np.arange(start, stop), np.diff(kept.indptr))
            kept.data *= np.sqrt(bought[row] * bought[kept.indices]) + np.float32(shrinkage)  # back to weights
            kept.sort_indices()
            return kept

        pieces = list(LocalExecutor().map(block, range(0, baskets.n_items, BLOCK)))
        pairs = sp.vstack(pieces, format="csr", dtype=np.float32) if pieces else sp.csr_matrix((0, 0), dtype=np.float32)
        return cls(pairs, bought, shrinkage=shrinkage)

    @property
    def n_items(self) -> int:
        """Size of the catalogue that was learnt."""
        return len(self.bought)

    def spread(self, items: Rows, weight: Values) -> tuple[Rows, Values, Values]:
        """Partners of these products: entries in the table as (partner, weighted confidence, weighted cosine).

        A partner of several products comes several times.
        """
        flat, lengths = entries(self.pairs.indptr, items)
        weights = np.repeat(weight, lengths)
        return self.pairs.indices[flat], self._confidence[flat] * weights, self._cosine[flat] * weights

    def partners(self, item: int) -> tuple[Rows, Values]:
        """Partners of one product and how alike they are bought, strongest first."""
        low, high = int(self.pairs.indptr[item]), int(self.pairs.indptr[item + 1])
        order = np.argsort(-self._cosine[low:high], kind="stable")
        return self.pairs.indices[low:high][order].astype(np.int64), self._cosine[low:high][order]

    def closest(self, items: Rows, allowed: npt.NDArray[np.bool_], n: int) -> Rows:
        """The n of `items` (rising) that are bought most surely with one of their partners that are allowed."""
        flat, lengths = entries(self.pairs.indptr, items)
        items, lengths = items[lengths > 0], lengths[lengths > 0]
        if not len(items):
            return items
        alike = np.where(allowed[self.pairs.indices[flat]], self._cosine[flat], 0.0)
        best = np.maximum.reduceat(alike, np.cumsum(lengths) - lengths)
        order = np.argsort(-best, kind="stable")[:n]
        return items[order[best[order] > 0]]

    def voices(self, items: Rows, wanted: Rows) -> Values:
        """How strongly each of `items` speaks for each of `wanted`, by cosine. [len(items), len(wanted)]"""
        result = np.zeros((len(items), len(wanted)), np.float32)
        for place, item in enumerate(items.tolist()):
            low, high = int(self.pairs.indptr[item]), int(self.pairs.indptr[item + 1])
            partners = self.pairs.indices[low:high]
            at = np.searchsorted(partners, wanted)
            at[at == len(partners)] = 0
            if len(partners):
                found = partners[at] == wanted
                result[place, found] = self._cosine[low:high][at[found]]
        return result

    def save(self, folder: Path) -> None:
        """Into an existing folder."""
        save_matrix(folder, "pairs", self.pairs)
        np.save(folder / "bought.npy", self.bought, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, *, shrinkage: float) -> Together:
        """What `save` wrote; BundleError when it cannot be used."""
        pairs = load_matrix(folder, "pairs")
        try:
            bought = np.load(folder / "bought.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BundleError(f"{folder}: what is bought cannot be read ({error}); train again") from error
        if pairs.shape != (len(bought), len(bought)):
            raise BundleError(f"{folder}: the pairs do not fit the products; train again")
        return cls(pairs, bought, shrinkage=shrinkage)


def _cut(baskets: Baskets) -> Baskets:
    """Of baskets with more than LARGEST products only so many, spread over all that they hold."""
    sizes = baskets.sizes
    if not len(sizes) or sizes.max() <= LARGEST:
        return baskets
    place = np.arange(len(baskets.item)) - np.repeat(baskets.indptr[:-1], sizes)
    size = np.repeat(sizes, sizes)
    keep = (size <= LARGEST) | (place * LARGEST // size != (place - 1) * LARGEST // size)
    indptr = np.concatenate([[0], np.cumsum(keep)])[baskets.indptr].astype(np.int64)
    return Baskets(indptr, baskets.item[keep], baskets.time, baskets.user, baskets.n_items)
