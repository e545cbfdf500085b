"""Baskets: what one person bought at one time. The log knows single purchases; those close together are one basket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.events import MICROSECONDS_PER_DAY

Ints = npt.NDArray[np.int64]

#: Purchases of one person no further apart than this are one basket: a checkout writes its lines within seconds, and
#: who comes back after two minutes for what they forgot completes the same basket.
GAP_MINUTES = 30.0
GAP_DAYS = GAP_MINUTES / 1_440


@dataclass(frozen=True, slots=True)
class Baskets:
    """Baskets in compressed rows, oldest first: basket b holds item[indptr[b]:indptr[b + 1]], each product once."""

    indptr: Ints  # [n_baskets + 1]
    item: npt.NDArray[np.int32]  # [total]
    time: Ints  # [n_baskets] microseconds since 1970, of the last purchase
    user: npt.NDArray[np.int32]  # [n_baskets]
    n_items: int

    def __len__(self) -> int:
        return len(self.time)

    @property
    def sizes(self) -> Ints:
        """Products in each basket. [n_baskets]"""
        return np.diff(self.indptr)

    @property
    def end(self) -> int:
        """Moment of the latest basket, 0 without any."""
        return int(self.time[-1]) if len(self) else 0

    @property
    def age_days(self) -> npt.NDArray[np.float64]:
        """Days before the latest basket. [n_baskets]"""
        return np.asarray((self.end - self.time) / MICROSECONDS_PER_DAY, np.float64)

    def matrix(self, weight: npt.NDArray[np.float32] | None = None) -> Any:
        """CSR float32 [n_baskets, n_items]; every entry 1, or the weight of its basket."""
        data = np.ones(len(self.item), np.float32) if weight is None else np.repeat(weight, self.sizes)
        return sp.csr_matrix((data, self.item, self.indptr), shape=(len(self), self.n_items))

    def take(self, which: Ints) -> Baskets:
        """The baskets at these positions, which must rise."""
        sizes = self.sizes[which]
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        flat = np.repeat(self.indptr[which] - indptr[:-1], sizes) + np.arange(indptr[-1])
        return Baskets(indptr, self.item[flat], self.time[which], self.user[which], self.n_items)

    @classmethod
    def of(
        cls,
        user: npt.NDArray[np.int32],
        item: npt.NDArray[np.int32],
        timestamp: Ints,
        n_items: int,
        *,
        gap_minutes: float = GAP_MINUTES,
    ) -> Baskets:
        """From single purchases in any order; all arrays have one length."""
        order = np.lexsort((timestamp, user))
        user, item, timestamp = user[order], item[order], timestamp[order]
        starts = np.ones(len(user), np.bool_)
        starts[1:] = (user[1:] != user[:-1]) | (np.diff(timestamp) > gap_minutes * 60e6)
        basket = np.cumsum(starts) - 1
        last = np.append(np.flatnonzero(starts)[1:], len(user)) - 1 if len(user) else np.zeros(0, np.int64)
        by_time = np.argsort(timestamp[last], kind="stable")
        place = np.empty(len(by_time), np.int64)
        place[by_time] = np.arange(len(by_time))
        key = np.unique(place[basket] * n_items + item) if len(user) else np.zeros(0, np.int64)
        indptr = np.searchsorted(key, np.arange(len(last) + 1) * n_items)
        return cls(
            indptr.astype(np.int64),
            (key % max(n_items, 1)).astype(np.int32),
            timestamp[last][by_time].astype(np.int64),
            user[last][by_time].astype(np.int32),
            n_items,
        )
