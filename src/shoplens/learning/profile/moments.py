"""Moments of the past at which a prediction could have been made, and what happened after each.

The latest moment is the test, the one before it validation, all others are learnt from. What is known at a moment is
worked out from what lies before it alone, and each period ends where the next begins: nothing leaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY, EventType
from shoplens.models.profile.deeds import Deeds, local_hours
from shoplens.models.profile.forecasts import LEAST_VISITS
from shoplens.models.profile.habits import Visits, features, habits, next_visit

MOST = 10  # moments; the oldest are of another shop
LARGEST_SHARE = 0.2  # of the log that one period may take

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment: people who came within the last horizon, and when they came next."""

    time: int  # microseconds
    people: npt.NDArray[np.int64]
    features: Floats  # [len(people), len(FEATURES)]
    days: Floats  # until the next visit, infinite when not within the horizon


def horizon_of(deeds: Deeds, act: EventType, wanted: float) -> float:
    """Days of one period: as wanted, or less where the log is short. 0: too short for any."""
    times = deeds.time[deeds.acts(act)]
    if not len(times):
        return 0.0
    days = float(times.max() - times.min()) / MICROSECONDS_PER_DAY
    return float(min(wanted, np.floor(days * LARGEST_SHARE)))


def times_of(deeds: Deeds, act: EventType, horizon: float) -> list[int]:
    """Beginnings of the periods, newest first; before the oldest lies at least one more period."""
    acted = deeds.time[deeds.acts(act)]
    step = round(horizon * MICROSECONDS_PER_DAY)
    end = (int(acted.max()) // MICROSECONDS_PER_DAY + 1) * MICROSECONDS_PER_DAY
    found = [end - k * step for k in range(1, MOST + 1)]
    return [time for time in found if time - step >= int(acted.min())]


def moment_at(deeds: Deeds, time: int, act: EventType, zone: str, horizon: float) -> Moment:
    """What was known, and what came. `deeds` may reach beyond the period; what lies there is not looked at."""
    past = deeds.before(time)
    today = int(local_hours(np.array([time]), zone)[0] // 24)
    known = habits(Visits.of(past, act, zone), today)
    people = active(known.visits, known.recency, horizon)
    days = next_visit(deeds.before(time + round(horizon * MICROSECONDS_PER_DAY)), time, act, zone)
    return Moment(time, people, features(past, time, act, zone)[people], days[people])


def active(visits: npt.NDArray[np.int64], recency: Floats, horizon: float) -> npt.NDArray[np.int64]:
    """People of whom a prediction is made: some visits, and the latest not longer ago than one period."""
    return np.flatnonzero((visits >= LEAST_VISITS) & (recency <= horizon))


def together(moments: Sequence[Moment]) -> tuple[Floats, Floats]:
    """Features and days of several moments."""
    return np.concatenate([one.features for one in moments]), np.concatenate([one.days for one in moments])
