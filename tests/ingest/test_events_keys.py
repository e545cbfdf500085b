"""The same event has one key, whichever way it comes in."""

from __future__ import annotations

from json import dumps

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.events import EVENT_BY_CODE, PRODUCT_EVENTS, Event, EventBatch, EventType
from shoplens.ingest.events.clean import EventCleaner
from shoplens.ingest.events.keys import float_texts, keys_of
from shoplens.ingest.events.seen import RecentKeys
from shoplens.ingest.report import IngestReport

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text.casefold() not in ("null", "none", "nan", "\\n", "n/a", "(not set)")
)
AMOUNTS = st.floats(min_value=1e-9, max_value=1e6)
NOW = 1_900_000_000_000_000


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(EventType))
    needs_item = kind in PRODUCT_EVENTS
    return Event(
        event_type=kind,
        timestamp=draw(st.integers(788_918_400_000_000, NOW)),
        user_id=draw(WORDS),
        session_id=draw(st.none() | WORDS),
        item_id=draw(WORDS if needs_item else st.none() | WORDS),
        value=draw(st.floats(0, 5) if kind is EventType.RATING else st.none() | st.floats(-1e300, 1e300)),
        quantity=draw(st.none() | AMOUNTS),
        price=draw(st.none() | AMOUNTS),
        query=draw(st.none() | WORDS),
        position=draw(st.none() | st.integers(0, 1000)),
        context=None if kind is not EventType.ORDER_STATUS else dumps({"order_id": draw(WORDS), "status": "shipped"}),
        event_id=draw(st.none() | WORDS),
    )


def raw_frame(listed: list[Event], *, as_text: bool) -> pl.DataFrame:
    """The events as a file would give them."""
    names = (
        "timestamp",
        "user_id",
        "session_id",
        "item_id",
        "value",
        "quantity",
        "price",
        "query",
        "position",
        "context",
        "event_id",
    )
    columns = {name: pl.Series(name, [getattr(one, name) for one in listed], strict=False) for name in names}
    if as_text:
        columns = {
            name: pl.Series(name, ["" if (v := getattr(one, name)) is None else str(v) for one in listed])
            for name in names
        }
    kinds = pl.Series("event_type", [one.event_type.value for one in listed])
    return pl.DataFrame([*columns.values(), kinds, pl.Series("line", range(len(listed)), dtype=pl.Int64)])


@settings(max_examples=150, deadline=None)
@given(st.lists(events(), min_size=1, max_size=12), st.booleans())
def test_batch_and_single_event_agree(listed: list[Event], as_text: bool) -> None:
    report = IngestReport()
    batch, lines = EventCleaner("log", report, now=NOW).clean(raw_frame(listed, as_text=as_text))
    reasons = set(report.summary()["reasons"])
    assert reasons <= {"duplicate row"}
    assert batch.key == [listed[line].key for line in lines]
    assert {one.key for one in listed} == set(batch.key)
    for position, line in enumerate(lines):
        event = listed[line]
        assert batch.timestamp[position] == event.timestamp
        assert EVENT_BY_CODE[batch.event_type[position]] is event.event_type
        for name in ("user_id", "session_id", "item_id", "value", "quantity", "price", "query", "position"):
            assert getattr(batch, name)[position] == getattr(event, name)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_written_as_python_does(numbers: list[float]) -> None:
    assert float_texts(pl.Series(numbers, dtype=pl.Float64)).to_list() == [str(number) for number in numbers]


def test_appending_and_reading_give_one_key() -> None:
    event = Event(event_type=EventType.VIEW, timestamp=NOW, user_id="u", item_id="i")
    batch = EventBatch()
    batch.append(event)
    read, _ = EventCleaner("log", IngestReport(), now=NOW).clean(raw_frame([event], as_text=True))
    assert read == batch


def test_keys_of_nothing() -> None:
    names = ("kind", "user_id", "session_id", "item_id", "query", "event_id")
    empty = pl.DataFrame(schema=dict.fromkeys(names, pl.String)).with_columns(
        *[pl.lit(None, pl.Float64).alias(name) for name in ("value", "quantity", "price")],
        *[pl.lit(None, pl.Int64).alias(name) for name in ("timestamp", "position")],
    )
    assert keys_of(empty).shape == (0,)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60), st.integers(1, 7))
def test_recent_keys_never_invent_a_repetition(keys: list[int], size: int) -> None:
    recent = RecentKeys(bits=8)
    earlier: set[int] = set()
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        told = recent.repeated(np.array(part, np.int64))
        for key, repeated in zip(part, told, strict=True):
            assert not repeated or key in earlier
            earlier.add(key)


def test_recent_keys_find_repetitions() -> None:
    recent = RecentKeys(bits=12)
    keys = np.arange(1000, dtype=np.int64) * 7_919
    assert not recent.repeated(keys).any()
    assert recent.repeated(keys[:500]).all()
    assert recent.repeated(np.array([-1, -1], np.int64)).tolist() == [False, True]
