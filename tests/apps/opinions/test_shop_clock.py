"""Hours and weekdays are the shop's, also in the nights in which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shoplens.apps.opinions.seasons import hour_of, weekday_of
from shoplens.apps.opinions.shop_clock import ShopClock
from shoplens.apps.opinions.surges import Surges, SurgeSettings
from shoplens.apps.opinions.trends import trend_of
from shoplens.domain.moments import EPOCH
from shoplens.domain.opinions import Count
from shoplens.service.opinion_settings import OpinionSettings
from shoplens.store.opinions import WindowCount

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Asia/Beirut"])
HOUR = 3_600_000_000


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(ZONES, st.integers(min_value=0, max_value=2_000_000_000))
def test_the_clock_shows_what_the_zone_says(zone: str, second: int) -> None:
    clock, local = ShopClock(zone), datetime.fromtimestamp(second, ZoneInfo(zone))
    shown = clock.shown(second * 1_000_000)
    assert (hour_of(shown), weekday_of(shown)) == (local.hour, local.weekday())
    assert clock.shown(clock.moment(shown)) == shown, "no moment is lost or shown otherwise"


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (6, 1, 24)])
def test_a_day_is_as_long_as_the_clock_says(month: int, day: int, hours: int) -> None:
    begin = microseconds(datetime(2026, month, day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC))
    windows = [WindowCount("all", begin + number * HOUR, Count(1, 0, 0, 1)) for number in range(-24, 48)]
    clock = ShopClock("Europe/Berlin")
    trend = trend_of("all", windows, since=0, before=10**18, step="day", clock=clock)
    assert {step.start: step.count.posts for step in trend.steps}[begin] == hours
    assert sum(one.posts for one in trend.hours) == len(windows) == sum(one.posts for one in trend.weekdays)


def test_what_is_usual_at_nine_stays_so_when_the_clock_is_changed() -> None:
    """Ten posts come at nine in the morning by the shop's clock; by UTC they seem to move at the end of March."""
    first = datetime(2026, 2, 16, tzinfo=ZoneInfo("Europe/Berlin"))
    surges = Surges(SurgeSettings(window_minutes=60, zone="Europe/Berlin"))
    for number in range(24 * 42):
        start = microseconds(first.astimezone(UTC)) + number * HOUR
        shown = surges._clock.shown(start)
        surges.close(start, {"all": Count(10, 1, 5, 10)} if hour_of(shown) == 9 else {})
    usual = surges.series["all"].usual
    summer = microseconds(datetime(2026, 4, 1, 9, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC))
    factors = [usual.season(surges._clock.shown(summer + ahead * HOUR), None) for ahead in (-1, 0, 1)]
    assert factors[1] > 5 * max(factors[0], factors[2])


def test_a_zone_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="Europe/Berlin"):
        OpinionSettings(timezone="Mars/Olympus")
