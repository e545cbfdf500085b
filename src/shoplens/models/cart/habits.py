"""What one person buys again and again, and when it is due: worked out from the history at the moment of the request.

Nothing is stored per person. How often counts as in TIFU-KNN (Hu et al., SIGIR 2020): each basket of the history weighs
less the older it is; here by days as well as by how many baskets came after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.cart.baskets import GAP_DAYS

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]

LATELY = 15.0, 5.0  # half-life in days and in baskets: this month's purchases …
EVER = 365.0, 100.0  # … and those of a year
RHYTHM_OF = 3  # baskets with a product before its rhythm is spoken of


@dataclass(frozen=True, slots=True)
class Habits:
    """Of each product that the person bought, rows rising. All arrays have one length."""

    item: Rows
    often: Values  # faded count of baskets with it, as a share of the faded count of all baskets: within [0, 1]
    lately: Values  # the same, fading fast …
    ever: Values  # … and hardly fading
    times: npt.NDArray[np.int64]  # baskets with it
    rhythm_days: Values  # mean days between two of them; NaN with fewer than two
    since_days: Values  # days since the latest
    baskets: int  # in the whole history

    def __len__(self) -> int:
        return len(self.item)

    @classmethod
    def of(
        cls,
        item: npt.NDArray[np.int64] | npt.NDArray[np.int32],
        age_days: npt.NDArray[np.float32],
        *,
        half_life_days: float = 60.0,
        half_life_baskets: float = 20.0,
    ) -> Habits:
        """From purchases in any order: product rows, and how long ago each was."""
        if not len(item):
            return NONE
        order = np.argsort(age_days, kind="stable")  # latest first
        age, rows = age_days[order].astype(np.float64), item[order].astype(np.int64)
        ago = np.concatenate([[0], np.cumsum(np.diff(age) > GAP_DAYS)])  # baskets that came after each purchase's
        count = int(ago[-1]) + 1
        first_of_basket = np.searchsorted(ago, np.arange(count))
        pair = np.unique(rows * count + ago)  # a product once a basket; within a product the latest first
        held, basket = pair // count, pair % count
        start = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]]))
        times = np.diff(np.append(start, len(held)))
        latest = age[first_of_basket[basket[start]]]
        oldest = age[first_of_basket[basket[start + times - 1]]]
        with np.errstate(invalid="ignore", divide="ignore"):
            rhythm = np.where(times > 1, (oldest - latest) / (times - 1), np.nan)

        def share(days: float, baskets: float) -> Values:
            fade = np.exp2(-age[first_of_basket] / days - np.arange(count) / baskets)
            whole = max(float(fade.sum()), 1e-12)
            return np.asarray(np.add.reduceat(fade[basket], start) / whole, np.float32)

        return cls(
            held[start],
            share(half_life_days, half_life_baskets),
            share(*LATELY),
            share(*EVER),
            times,
            rhythm.astype(np.float32),
            latest.astype(np.float32),
            count,
        )

    def due(self) -> Values:
        """How near each product's moment is: 1 when as many days have passed as usual, towards 0 right after a
        purchase and long after the habit ended; 0 without a rhythm. Within [0, 1]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            passed = (self.since_days + 0.5) / (self.rhythm_days + 0.5)
            near = np.exp(-0.5 * np.square(np.log(passed) / np.log(2.5)))  # a factor of 2.5 off is one deviation
        return np.where((self.times >= RHYTHM_OF) & np.isfinite(near), near, 0.0).astype(np.float32)


NONE = Habits(
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    0,
)
