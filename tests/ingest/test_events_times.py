"""Times and amounts in whatever form, and names of event types."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.events import EventType
from shoplens.ingest.events.event_names import OTHER_EVENTS, SYNONYMS, event_type_of, says_nothing
from shoplens.ingest.events.numbers import parse_numbers
from shoplens.ingest.events.times import parse_times

MOMENT = datetime(2025, 11, 3, 10, 30, 15, 250_000, tzinfo=UTC)
MICROS = int(MOMENT.timestamp()) * 1_000_000 + 250_000
WHOLE = MICROS - 250_000


@pytest.mark.parametrize(
    ("text", "expected", "zoneless"),
    [
        ("2025-11-03T10:30:15.25Z", MICROS, 0),
        ("2025-11-03T10:30:15.250000+00:00", MICROS, 0),
        ("2025-11-03 10:30:15.25 UTC", MICROS, 0),
        ("2025-11-03T18:30:15,25+0800", MICROS, 0),
        ("2025-11-03T02:30:15.25-08", MICROS, 0),
        ("2025-11-03T16:00:15.25+05:30", MICROS, 0),
        ("2025-11-03T10:30:15.25", MICROS, 1),
        ("2025-11-03 10:30:15", WHOLE, 1),
        ("2025/11/03 10:30:15", WHOLE, 1),
        ("2025年11月3日 10:30:15", WHOLE, 1),
        ("03.11.2025 10:30:15", WHOLE, 1),
        ("3.11.2025 11:30:15+01:00", WHOLE, 0),
        ("2025.11.03 10:30:15", WHOLE, 1),
        ("03.11.2025", 1_762_128_000_000_000, 1),
        ("20251103T103015Z", WHOLE, 0),
        ("20251103103015", WHOLE, 1),
        ("2025-11-03 10:30", WHOLE - 15_000_000, 1),
        ("2025-11-03T10:30Z", WHOLE - 15_000_000, 0),
        ("2025-11-03", 1_762_128_000_000_000, 1),
        ("20251103", 1_762_128_000_000_000, 1),
        ("1762165815", WHOLE, 0),
        ("1762165815.25", MICROS, 0),
        ("1.76216581525e9", MICROS, 0),
        ("1762165815250", MICROS, 0),
        (str(MICROS), MICROS, 0),
        (f"{MICROS}999", MICROS, 0),
        ("  1762165815 ", WHOLE, 0),
        ("", None, 0),
        ("noon", None, 0),
        ("03/11/2025", None, 0),
        ("03.13.2025", None, 0),
        ("2025-13-03", None, 0),
        ("2025-11-03T25:00:00Z", None, 0),
        ("nan", None, 0),
    ],
)
def test_one_text(text: str, expected: int | None, zoneless: int) -> None:
    values, count = parse_times(pl.Series([text]))
    assert values.to_list() == [expected]
    assert count == zoneless


def test_forms_may_be_mixed_in_one_column() -> None:
    column = pl.Series(
        ["1762165815", "2025-11-03T10:30:15.25Z", None, "1762165815.25", "x", "2025-11-03 18:30:15+08:00"]
    )
    assert parse_times(column).values.to_list() == [WHOLE, MICROS, None, MICROS, None, WHOLE]


@pytest.mark.parametrize(
    ("column", "expected", "zoneless"),
    [
        (pl.Series([MOMENT]), MICROS, 0),
        (pl.Series([MOMENT.astimezone(timezone(timedelta(hours=8)))]), MICROS, 0),
        (pl.Series([MOMENT.replace(tzinfo=None)], dtype=pl.Datetime("ns")), MICROS, 1),
        (pl.Series([MOMENT.replace(tzinfo=None)], dtype=pl.Datetime("ms")), MICROS, 1),
        (pl.Series([date(2025, 11, 3)]), 1_762_128_000_000_000, 1),
        (pl.Series([MICROS // 1_000]), MICROS, 0),
        (pl.Series([MICROS / 1e6]), MICROS, 0),
        (pl.Series([float("nan")]), None, 0),
        (pl.Series([[1]]), None, 0),
    ],
)
def test_columns_with_a_type(column: pl.Series, expected: int | None, zoneless: int) -> None:
    assert parse_times(column).values.to_list() == [expected]
    assert parse_times(column).zoneless == zoneless


@given(
    st.datetimes(
        datetime(1995, 1, 1), datetime(2100, 1, 1), timezones=st.builds(
            lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60)
        ),
    )
)  # fmt: skip
def test_what_python_writes_is_read(moment: datetime) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    values, zoneless = parse_times(pl.Series([moment.isoformat(), moment.isoformat(" "), str(micros)]))
    assert values.to_list() == [micros, micros, micros]
    assert zoneless == 0


@pytest.mark.parametrize(
    ("text", "number", "currency"),
    [
        ("12.5", 12.5, None),
        ("1e3", 1000.0, None),
        ("29.99 USD", 29.99, "USD"),
        ("$1,299.00", 1299.0, "USD"),
        ("12,50 €", 12.5, "EUR"),
        ("-3", -3.0, None),
        ("", None, None),
    ],
)
def test_amounts(text: str, number: float | None, currency: str | None) -> None:
    numbers = parse_numbers(pl.Series([text]))
    assert numbers.values.to_list() == [number]
    assert not numbers.bad.any()
    assert (numbers.currency is None and currency is None) or (
        numbers.currency is not None and numbers.currency.to_list() == [currency]
    )


@pytest.mark.parametrize("text", ["cheap", "NaN", "inf", "1-2", "--"])
def test_no_amounts(text: str) -> None:
    assert parse_numbers(pl.Series([text])).bad.to_list() == [True]
    assert parse_numbers(pl.Series([1.0, float("nan")])).bad.to_list() == [False, True]


def test_names_of_events() -> None:
    for kind, names in SYNONYMS.items():
        for name in (*names, kind.value):
            assert event_type_of(name) is kind, name
            assert event_type_of(f" {name.upper()} ") is kind, name
    assert event_type_of("Add-To_cart") is EventType.CART
    assert event_type_of("page_view") is None
    assert says_nothing("PageView")
    assert not any(event_type_of(name) for name in OTHER_EVENTS)
    assert not says_nothing("teleport")
