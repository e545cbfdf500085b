"""Recency, frequency, money and rhythm of many people at one moment, and the features that predictions read.

A visit is a day (on the shop's clock) with at least one act. Nothing at or after the moment is ever looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY, EventType
from shoplens.models.profile.deeds import Deeds, distinct, local_hours

WINDOWS = (7, 14, 28, 56, 91)  # days
FEATURES = (
    "recency",  # days since the latest visit
    "visits",
    "tenure",  # days since the first
    "gap",  # median days between visits
    "gap_spread",  # quartile distance of the gaps over their median
    "overdue",  # recency over gap
    *(f"visits_{days}" for days in WINDOWS),
    "money_28",
    "money_91",
    "basket",  # mean money of a visit
    "trend",  # visits of 28 days less those of the 28 before
    "products",
    "weekend",  # share of visits
    "other_7",  # other events than acts
    "other_28",
)
NO_GAP = 28.0  # days, of people with one visit, for features only

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Visits:
    """Days with acts, person by person, oldest first."""

    indptr: npt.NDArray[np.int64]  # [n_people + 1]
    day: npt.NDArray[np.int64]  # on the shop's clock, since 1970
    paid: Floats  # money of the visit; 0 unknown
    refunded: Floats  # money that came back, in all [n_people]

    @classmethod
    def of(cls, deeds: Deeds, act: EventType, zone: str) -> Visits:
        """From all acts."""
        acts = deeds.keep(deeds.acts(act))
        day = local_hours(acts.time, zone) // 24
        person = acts.person
        fresh = np.ones(len(day), np.bool_)
        fresh[1:] = (person[1:] != person[:-1]) | (day[1:] != day[:-1])
        place = np.cumsum(fresh) - 1
        paid = np.bincount(place, np.nan_to_num(acts.paid), int(fresh.sum())).astype(np.float64)
        indptr = np.concatenate([[0], np.cumsum(fresh)])[acts.indptr].astype(np.int64)
        refunded = _refunded(deeds) if act is EventType.PURCHASE else np.zeros(len(deeds))
        return cls(indptr, day[fresh], paid, refunded)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def person(self) -> npt.NDArray[np.int64]:
        """Whose each visit is."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def gaps_of(self, k: int) -> Floats:
        """Days between the visits of person k, oldest first."""
        return np.diff(self.day[self.indptr[k] : self.indptr[k + 1]]).astype(np.float64)

    def gaps(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """Person and days between one visit and the next."""
        person = self.person
        same = person[1:] == person[:-1]
        return person[1:][same], np.diff(self.day)[same].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Habits:
    """One entry a person; NaN where it cannot be said."""

    visits: npt.NDArray[np.int64]
    first: Floats  # days before now
    recency: Floats  # days
    paid: Floats  # all money, without what was refunded
    gap: Floats  # median days between visits, NaN below two
    gap_low: Floats  # first and third quartile
    gap_high: Floats

    @property
    def spread(self) -> Floats:
        """Quartile distance of the gaps over their median: below .5 is a steady rhythm."""
        return (self.gap_high - self.gap_low) / np.maximum(self.gap, 0.5)


def _refunded(deeds: Deeds) -> Floats:
    """What refunds say, or else what was paid for what they give back. [n_people]"""
    back, bought = deeds.returns()
    said = np.abs(deeds.paid[back]).astype(np.float64)
    paid = np.where(bought >= 0, deeds.paid[np.maximum(bought, 0)], np.nan) if len(back) else said
    money = np.nan_to_num(np.where(np.isfinite(said), said, paid))
    return np.bincount(deeds.person[back], money, len(deeds)).astype(np.float64)


def habits(visits: Visits, today: int) -> Habits:
    """As of a day on the shop's clock."""
    count = np.diff(visits.indptr)
    some = count > 0
    first, last = np.full(len(visits), np.nan), np.full(len(visits), np.nan)
    first[some] = today - visits.day[visits.indptr[:-1][some]]
    last[some] = today - visits.day[visits.indptr[1:][some] - 1]
    person, gaps = visits.gaps()
    low, middle, high = (group_quantile(person, gaps, len(visits), q) for q in (0.25, 0.5, 0.75))
    paid = np.bincount(visits.person, visits.paid, len(visits)) - visits.refunded
    return Habits(count, first, last, np.maximum(paid, 0.0), middle, low, high)


def features(deeds: Deeds, now: int, act: EventType, zone: str) -> Floats:
    """What predictions know of each person at a moment (microseconds). [n_people, len(FEATURES)]"""
    past = deeds.before(now)
    visits = Visits.of(past, act, zone)
    today = int(local_hours(np.array([now]), zone)[0] // 24)
    known = habits(visits, today)
    person, ago = visits.person, today - visits.day
    n = len(past)
    within = {days: np.bincount(person, ago <= days, n) for days in WINDOWS}
    money = {days: np.bincount(person, visits.paid * (ago <= days), n) for days in (28, 91)}
    acts = past.acts(act)
    whose, age = past.person, (now - past.time) / MICROSECONDS_PER_DAY
    pairs = distinct(whose[acts] * (int(past.item.max(initial=0)) + 1) + past.item[acts])
    products = np.bincount(pairs // (int(past.item.max(initial=0)) + 1), minlength=n)
    gap = np.where(np.isnan(known.gap), NO_GAP, known.gap)
    recency = np.nan_to_num(known.recency, nan=999.0)
    columns = (
        np.log1p(np.maximum(recency, 0)),
        np.log1p(known.visits),
        np.log1p(np.nan_to_num(np.maximum(known.first, 0))),
        np.log1p(gap),
        np.nan_to_num(known.spread, nan=1.0),
        np.log((recency + 1) / (gap + 1)),
        *(np.log1p(within[days]) for days in WINDOWS),
        *(np.log1p(np.maximum(money[days], 0)) for days in (28, 91)),
        np.log1p(np.maximum(known.paid, 0) / np.maximum(known.visits, 1)),
        within[28] - (within[56] - within[28]),
        np.log1p(products),
        np.bincount(person, (visits.day + 3) % 7 >= 5, n) / np.maximum(known.visits, 1),
        *(np.log1p(np.bincount(whose, ~acts & (age <= days), n)) for days in (7, 28)),
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def next_visit(deeds: Deeds, now: int, act: EventType, zone: str) -> Floats:
    """Days from a moment until each person's next visit; infinite when the log holds none. [n_people]"""
    visits = Visits.of(deeds.keep(deeds.time >= now), act, zone)
    today = int(local_hours(np.array([now]), zone)[0] // 24)
    found = np.full(len(visits), np.inf)
    some = np.diff(visits.indptr) > 0
    found[some] = visits.day[visits.indptr[:-1][some]] - today
    return found


def group_quantile(person: npt.NDArray[np.int64], values: Floats, n: int, q: float) -> Floats:
    """Linear quantile of each person's values; NaN without any. [n]"""
    order = np.lexsort((values, person))
    sorted_values = values[order]
    count = np.bincount(person, minlength=n)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    some = np.flatnonzero(count)
    place = q * (count[some] - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, count[some] - 1)
    result = np.full(n, np.nan)
    below, above = sorted_values[start[some] + low], sorted_values[start[some] + high]
    result[some] = below + (above - below) * (place - low)
    return result
