"""Baskets like this one: what the latest ones that share products with the cart also held.

VMIS-kNN (Kersbergen, Sprangers and Schelter, SIGMOD 2022) with baskets for sessions. The order of the cart says nothing
here, so all its products weigh by how rare they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from shoplens.errors import BundleError
from shoplens.models.cart.baskets import Baskets
from shoplens.models.cart.gathering import entries, mapped, spans

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]

MOST_BASKETS = 400_000  # the latest; 10 products each take 32 MB with the index
LATEST = 500  # baskets with a product that are looked at: older ones hardly differ, and time is bounded
NEAREST = 100  # of those, how many speak
COUNTING = 32  # baskets of the span to count through in the time that sorting one takes
FILES = ("indptr", "item", "time", "held_indptr", "held")


class BasketNeighbours:
    """The latest baskets, and for each product in which of them it lies, oldest first."""

    def __init__(
        self, indptr: Rows, item: npt.NDArray[np.int32], time: Rows, held_indptr: Rows, held: npt.NDArray[np.int32]
    ) -> None:
        self.indptr, self.item, self.time = indptr, item, time
        self.held_indptr, self.held = held_indptr, held
        count = np.diff(held_indptr)
        self.rarity = np.log1p(len(time) / np.maximum(count, 1)).astype(np.float32)  # [n_items]
        self._norm = (1.0 / np.sqrt(np.maximum(np.diff(indptr), 1))).astype(np.float32)  # [n_baskets]

    @classmethod
    def fit(cls, baskets: Baskets) -> BasketNeighbours:
        """Baskets of one product say nothing about completing and are left out."""
        several = np.flatnonzero(baskets.sizes > 1)[-MOST_BASKETS:]
        kept = baskets.take(several)
        order = np.argsort(kept.item, kind="stable")  # baskets are in order of time, so each product's are too
        held = np.repeat(np.arange(len(kept)), kept.sizes)[order].astype(np.int32)
        held_indptr = np.searchsorted(kept.item[order], np.arange(baskets.n_items + 1)).astype(np.int64)
        return cls(kept.indptr, kept.item, kept.time, held_indptr, held)

    def __len__(self) -> int:
        return len(self.time)

    def baskets_with(self, item: int, since: int = 0) -> npt.NDArray[np.int32]:
        """Numbers of the baskets that held a product, oldest first; those before number `since` are left out."""
        held = self.held[int(self.held_indptr[item]) : int(self.held_indptr[item + 1])]
        return held[int(np.searchsorted(held, since)) :] if since else held

    def spread(self, items: Rows, weight: Values) -> tuple[Rows, Values]:
        """What the nearest baskets held: (product, how near its basket is), once for each basket that held it."""
        high = self.held_indptr[items + 1]
        lengths = np.minimum(high - self.held_indptr[items], LATEST)
        found = self.held[spans(high - lengths, lengths)[0]]
        if not len(found):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        voice = np.repeat(weight * self.rarity[items], lengths)
        which, shared = _sums(found, voice)
        near = shared * self._norm[which]
        if len(which) > NEAREST:
            best = np.argpartition(near, len(near) - NEAREST)[len(near) - NEAREST :]
            which, near = which[best], near[best]
        flat, sizes = entries(self.indptr, which)
        return self.item[flat].astype(np.int64), np.repeat(near, sizes)

    def save(self, folder: Path) -> None:
        """Into an existing folder."""
        for name in FILES:
            np.save(folder / f"baskets-{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, n_items: int) -> BasketNeighbours:
        """What `save` wrote, memory-mapped; BundleError when the pieces do not fit together."""
        try:
            indptr, item, time, held_indptr, held = (mapped(folder / f"baskets-{name}.npy") for name in FILES)
            fits = (
                len(indptr) == len(time) + 1
                and int(indptr[-1]) == len(item) == len(held) == int(held_indptr[-1])
                and len(held_indptr) == n_items + 1
                and (not len(item) or (int(item.max()) < n_items and int(held.max()) < len(time)))
            )
        except (OSError, ValueError, IndexError) as error:
            raise BundleError(f"{folder}: the baskets cannot be read ({error}); train again") from error
        if not fits:
            raise BundleError(f"{folder}: the pieces of the baskets do not fit together; train again")
        return cls(indptr, item, time, held_indptr, held)


def _sums(found: npt.NDArray[np.int32], voice: Values) -> tuple[Rows, Values]:
    """Different numbers in `found`, and the sum of the voices of each: by sorting when they are few, or by counting."""
    first, last = int(found.min()), int(found.max())
    if len(found) * COUNTING < last - first:
        order = np.argsort(found, kind="stable")
        sorted_ = found[order]
        start = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]]))
        return sorted_[start].astype(np.int64), np.add.reduceat(voice[order], start)
    counted = np.bincount(found - first, voice, last - first + 1)
    which = np.flatnonzero(counted)
    return which + first, counted[which].astype(np.float32)
