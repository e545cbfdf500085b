"""Events: identity and weight."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.events import EVENT_BY_CODE, EVENT_CODES, Event, EventBatch, EventType, event_weight

EVENT = Event(event_type=EventType.PURCHASE, timestamp=1, user_id="u", item_id="i", price=2.0)


def test_the_same_event_has_the_same_key() -> None:
    assert EVENT.key == replace(EVENT).key
    assert EVENT.key == -5389641141482362331, "keys are stored: another value would store every event twice"


@pytest.mark.parametrize(
    "change", [{"timestamp": 2}, {"user_id": "v"}, {"item_id": "j"}, {"price": 3.0}, {"position": 1}]
)
def test_another_event_has_another_key(change: dict[str, object]) -> None:
    assert replace(EVENT, **change).key != EVENT.key  # type: ignore[arg-type]


def test_the_sources_own_id_decides() -> None:
    first = replace(EVENT, event_id="m1")
    assert first.key == replace(first, timestamp=99).key
    assert first.key != replace(first, event_id="m2").key
    assert first.key != replace(first, item_id="another product of the same order").key


def test_codes_are_stable() -> None:
    """Stored in databases: renumbering would rewrite history."""
    assert [EVENT_BY_CODE[code].value for code in range(1, 15)] == [
        "view", "click", "impression", "search", "cart", "remove_from_cart", "checkout", "purchase", "refund", "rating",
        "comment", "share", "wishlist", "order_status",
    ]  # fmt: skip


@given(st.sampled_from(list(EventType)), st.one_of(st.just(float("nan")), st.floats(-10, 10)))
def test_weights_stay_within_one(kind: EventType, value: float) -> None:
    weight = event_weight(np.array([EVENT_CODES[kind]], np.int16), np.array([value], np.float32))
    assert -1 <= weight[0] <= 1


def test_a_low_rating_counts_against() -> None:
    kinds = np.full(3, EVENT_CODES[EventType.RATING], np.int16)
    assert event_weight(kinds, np.array([1, 3, 5], np.float32)).tolist() == [-1.0, 0.0, 1.0]


def test_a_batch_gives_rows_in_column_order() -> None:
    batch = EventBatch()
    batch.append(EVENT)
    (row,) = batch.rows()
    assert row[:5] == (EVENT.key, EVENT_CODES[EventType.PURCHASE], 1, "u", None)
    assert len(batch) == 1
