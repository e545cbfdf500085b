"""When people come back for a product: of those who have gone so many days without it, how many buy it next.

A discrete hazard over spans of days that grow, by kind of product, times a factor of each product's own (proportional
hazards: Cox, Regression Models and Life-Tables, 1972). Purchases after which nobody has come back yet count as long as
they have been watched. A kind that few bought is thought of like the shop, a product like its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.cart.baskets import Baskets

Values = npt.NDArray[np.float32]

FILES = ("returns.npy", "returns-factor.npy")
SPANS = np.concatenate([[0.0], np.geomspace(0.5, 200.0, 23)])  # days at which each span begins
PRIOR_OF_KIND = 30.0  # purchases: pulls a kind towards the shop
PRIOR_OF_PRODUCT = 5.0  # expected returns: pulls a product towards its kind


@dataclass(frozen=True, slots=True)
class Returns:
    """Fitted on baskets; nothing of any person is in it."""

    chance: Values  # [n_kinds, n_spans] that who comes into a span without the product buys it within that span
    factor: Values  # [n_items] how many times as often as products of the kind are bought again

    @classmethod
    def fit(cls, baskets: Baskets, kind: npt.NDArray[np.int32]) -> Returns:
        """`kind` [n_items]: narrowest category of each product, 0 = none."""
        kinds, spans = int(kind.max(initial=0)) + 1, len(SPANS)
        owner, time = (np.repeat(one, baskets.sizes) for one in (baskets.user, baskets.time))
        order = np.lexsort((time, baskets.item, owner))
        owner, item, time = owner[order], baskets.item[order], time[order]
        again = np.zeros(len(item), np.bool_)
        again[:-1] = (owner[1:] == owner[:-1]) & (item[1:] == item[:-1])
        until = np.full(len(item), baskets.end)
        until[:-1][again[:-1]] = time[1:][again[:-1]]
        span = span_of((until - time) / MICROSECONDS_PER_DAY)
        cell = kind[item].astype(np.int64) * spans + span

        def table(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
            return np.bincount(cells, minlength=kinds * spans).reshape(kinds, spans).astype(np.float64)

        returned = table(cell[again])
        came_so_far = np.cumsum(table(cell)[:, ::-1], axis=1)[:, ::-1]
        overall = (returned.sum(axis=0) + 1.0) / (came_so_far.sum(axis=0) + 10.0)
        chance = (returned + PRIOR_OF_KIND * overall) / (came_so_far + PRIOR_OF_KIND)
        expected = np.bincount(item, np.cumsum(chance, axis=1)[kind[item], span], baskets.n_items)
        found = np.bincount(item[again], minlength=baskets.n_items)
        factor = (found + PRIOR_OF_PRODUCT) / (expected + PRIOR_OF_PRODUCT)
        return cls(chance.astype(np.float32), factor.astype(np.float32))

    @classmethod
    def unknown(cls, n_kinds: int, n_items: int) -> Returns:
        """Of a bundle that says nothing of it: no chance at all."""
        return cls(np.zeros((n_kinds, len(SPANS)), np.float32), np.ones(n_items, np.float32))

    def save(self, folder: Path) -> None:
        """What `load` reads."""
        for name, one in zip(FILES, (self.chance, self.factor), strict=True):
            np.save(folder / name, one, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Returns:
        """OSError or ValueError when a file is missing or broken. Never unpickles."""
        return cls(*(np.load(folder / name, allow_pickle=False) for name in FILES))

    @staticmethod
    def saved(folder: Path) -> bool:
        """Whether any of it is there."""
        return any((folder / name).exists() for name in FILES)

    def of(
        self, rows: npt.NDArray[np.int64], kind: npt.NDArray[np.int32], since_days: npt.NDArray[np.floating]
    ) -> Values:
        """Chance of each product at so many days since it was bought; `kind` [n_items]. [len(rows)]"""
        return np.asarray(self.chance[kind[rows], span_of(since_days)] * self.factor[rows], np.float32)


def span_of(days: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Which span a number of days, from 0, falls into."""
    return np.maximum(np.searchsorted(SPANS, days, side="right") - 1, 0)
