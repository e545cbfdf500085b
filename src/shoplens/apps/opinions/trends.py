"""One series over time: counts and the share of negative posts with intervals, and at which hours and weekdays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shoplens.apps.opinions.seasons import DAY, HOUR, HOURS, WEEKDAYS, hour_of, weekday_of
from shoplens.apps.opinions.shop_clock import ShopClock
from shoplens.domain.opinions import Count
from shoplens.errors import InputError
from shoplens.store.opinions import WindowCount

STEPS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
MONDAY = 4 * DAY  # the first Monday of 1970: weeks begin there


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of time."""

    start: int  # microseconds
    count: Count


@dataclass(frozen=True, slots=True)
class Trend:
    """A series between two times. `hours` (24) and `weekdays` (7, Monday first) add up all that lies between."""

    series: str
    since: int
    before: int
    step: str
    steps: tuple[Step, ...]  # those with posts, in order
    hours: tuple[Count, ...]
    weekdays: tuple[Count, ...]
    total: Count


def trend_of(
    series: str, windows: Iterable[WindowCount], *, since: int, before: int, step: str, clock: ShopClock
) -> Trend:
    """Windows added up to steps of an hour, a day or a week (from Monday) by the shop's clock. InputError else."""
    if step not in STEPS:
        raise InputError(f"there is no step {step!r}; the steps are {', '.join(STEPS)}")
    length = STEPS[step]
    shift = MONDAY if step == "week" else 0
    steps: dict[int, Count] = {}
    hours = tuple(Count() for _ in range(HOURS))
    weekdays = tuple(Count() for _ in range(WEEKDAYS))
    total = Count()
    for one in windows:
        shown = clock.shown(one.start)
        start = clock.moment((shown - shift) // length * length + shift)
        for count in (steps.setdefault(start, Count()), hours[hour_of(shown)], weekdays[weekday_of(shown)]):
            count.add(one.count)
        total.add(one.count)
    found = tuple(Step(start, steps[start]) for start in sorted(steps))
    return Trend(series, since, before, step, found, hours, weekdays, total)
