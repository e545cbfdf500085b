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
HOURS = 2.0  # deviation of the hour of a basket like the one that is asked about …
PAUSE = 0.7  # … and of the logarithm of the days since the basket before
ANY_DAY = 0.15  # what a basket of another day of the week says, beside 1 + this of the same day
ANY_PAUSE = 0.3  # what the first basket says, before which nothing is known


@dataclass(frozen=True, slots=True)
class Habits:
    """Of each product that the person bought, rows rising. All arrays have one length."""

    item: Rows
    often: Values  # faded count of baskets with it, as a share of the faded count of all baskets: within [0, 1]
    lately: Values  # the same, fading fast …
    ever: Values  # … and hardly fading
    portion: Values  # as `often`, each basket shared out among what it held: what one comes for alone says most
    hour: Values  # as `often`, among baskets at about this time of day …
    weekday: Values  # … on this day of the week …
    pause: Values  # … after about as many days without any basket as now
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

        when = age[first_of_basket]

        def fading(days: float, baskets: float) -> npt.NDArray[np.float64]:
            return np.asarray(np.exp2(-when / days - np.arange(count) / baskets), np.float64)

        def share(fade: npt.NDArray[np.float64], each: npt.NDArray[np.float64] | None = None) -> Values:
            said = fade if each is None else fade / each
            return np.asarray(np.add.reduceat(said[basket], start) / max(float(fade.sum()), 1e-12), np.float32)

        usual = fading(half_life_days, half_life_baskets)
        at_hour, on_day, after_pause = _alike(when)
        return cls(
            held[start],
            share(usual),
            share(fading(*LATELY)),
            share(fading(*EVER)),
            share(usual, np.bincount(basket, minlength=count).astype(np.float64)),
            share(usual * at_hour),
            share(usual * on_day),
            share(usual * after_pause),
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


def _alike(
    when: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How like this moment those of earlier baskets were, `when` days ago, latest first: by time of day, by day of the
    week, by the days since the basket before. Only differences count, so that no time zone is needed. [n_baskets]"""
    hours = 24.0 * np.abs(when - np.round(when))
    off_week = np.abs(when - 7.0 * np.round(when / 7.0))
    before = np.log(np.diff(when) + 0.3)
    pause = np.exp(-0.5 * np.square((before - np.log(when[0] + 0.3)) / PAUSE))
    return (
        np.exp(-0.5 * np.square(hours / HOURS)),
        (off_week <= 0.5).astype(np.float64) + ANY_DAY,
        np.append(pause, ANY_PAUSE).astype(np.float64),
    )


NONE = Habits(
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    0,
)
