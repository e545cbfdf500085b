"""Checks of a store's event log, and the made-up events that all checks of stores use. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from shoplens.domain.catalogue import Product
from shoplens.domain.events import EVENT_CODES, Event, EventBatch, EventColumns, EventType, key_of_text
from shoplens.domain.people import Person
from shoplens.store.base import Store
from shoplens.store.records import Appended, Checkpoint

Opened = Callable[[], Store]
_COLUMNS: dict[str, Any] = {
    "sequence": np.int64,
    "person": np.int64,
    "session": np.int64,
    "product": np.int64,
    "event_type": np.int16,
    "timestamp": np.int64,
    "value": np.float32,
}
START = 1_700_000_000_000_000  # microseconds since 1970


def batch_of(*events: Event) -> EventBatch:
    """Events as one batch."""
    batch = EventBatch()
    for event in events:
        batch.append(event)
    return batch


def view(number: int, *, user: str | None = "ann", item: str | None = "tea", session: str | None = None) -> Event:
    """A made-up event; equal numbers make equal events."""
    return Event(
        event_type=EventType.VIEW, timestamp=START + number, user_id=user, item_id=item, session_id=session, position=1
    )


def scanned(store: Store, *, after: int = 0, before_time: int | None = None, size: int = 200_000) -> EventColumns:
    """All chunks of a scan as one."""
    chunks = list(store.events.scan(after, before_time, size))
    columns = {name: [getattr(chunk, name) for chunk in chunks] for name in _COLUMNS}
    whole: dict[str, Any] = {name: np.concatenate([np.zeros(0, _COLUMNS[name]), *columns[name]]) for name in _COLUMNS}
    return EventColumns(**whole)


class EventConformance:
    """The log of events."""

    def test_money_is_read_where_it_is_asked_for(self, opened: Opened) -> None:
        store = opened()
        bought = Event(event_type=EventType.PURCHASE, timestamp=START, user_id="ann", item_id="tea")
        store.events.append(batch_of(replace(bought, price=2.5, quantity=3.0, currency="EUR"), view(7)))
        (plain,), (chunk,) = store.events.scan(), store.events.scan(money=True)
        assert plain.money is None
        assert chunk.money is not None
        assert chunk.money.price[0] == 2.5
        assert chunk.money.quantity[0] == 3.0
        assert chunk.money.currency.tolist() == [b"EUR", b""]
        assert np.isnan([chunk.money.price[1], chunk.money.quantity[1]]).all()
        assert np.array_equal(plain.sequence, chunk.sequence)
        store.close()

    def test_events_come_back_as_they_went_in(self, opened: Opened) -> None:
        store = opened()
        full = Event(
            event_type=EventType.RATING,
            timestamp=START,
            user_id="ann",
            session_id="s1",
            item_id="tea",
            value=4.5,
            quantity=2.0,
            price=3.25,
            currency="EUR",
            impression_id="imp",
            position=3,
            query="green tea 绿茶",
            context='{"a":1}',
        )
        search = Event(event_type=EventType.SEARCH, timestamp=START + 1, user_id="ann", query="cup")
        assert store.events.append(batch_of(full, search)) == Appended(2, (), new_products=1, new_people=1)
        assert store.events.history(user_id="ann") == [full, search]
        store.close()

    def test_history_is_the_latest_oldest_first(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(*(view(number) for number in (5, 3, 9, 1, 7))))
        store.events.append(batch_of(view(4), view(8, user="bob")))
        assert [event.timestamp - START for event in store.events.history(user_id="ann")] == [1, 3, 4, 5, 7, 9]
        assert [event.timestamp - START for event in store.events.history(user_id="ann", limit=2)] == [7, 9]
        assert store.events.history(user_id="nobody") == []
        store.close()

    def test_a_session_is_a_guest_until_it_is_known_whose_it_is(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(view(1, user=None, session="s"), view(2, session="s"), view(3, item=None)))
        store.events.append(batch_of(view(4, user=None, session="other")))
        guest = store.events.history(session_id="s")
        assert [event.timestamp - START for event in guest] == [1], "events of a known person are not a guest's"
        both = store.events.history(user_id="ann", session_id="s")
        assert [event.timestamp - START for event in both] == [1, 2, 3]
        assert [e.timestamp - START for e in store.events.history(user_id="ann", session_id="s", limit=2)] == [2, 3]
        assert store.events.history(session_id="unheard of") == []
        store.close()

    def test_duplicates_are_found_in_the_log_and_in_the_batch(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(view(1), view(2)))
        appended = store.events.append(batch_of(view(3), view(2), view(4), view(3), view(1, user="bob")))
        assert (appended.stored, appended.duplicates) == (3, (1, 3))
        assert store.events.append(batch_of(view(3), view(4))).stored == 0
        assert store.events.count() == 5
        assert sum(store.events.count(kind) for kind in EventType) == 5
        assert len(store.events.history(user_id="ann")) == 4
        store.close()

    def test_keys_at_the_ends_of_64_bits(self, opened: Opened) -> None:
        store = opened()
        batch = batch_of(view(1), view(2), view(3))
        batch.key[:] = [-(2**63), 2**63 - 1, 0]
        assert store.events.append(batch).stored == 3
        assert store.events.append(batch).duplicates == (0, 1, 2)
        store.close()

    def test_scan_gives_rows_in_order_of_arrival(self, opened: Opened) -> None:
        store = opened()
        rated = Event(event_type=EventType.RATING, timestamp=START + 9, user_id="bob", item_id="cup", value=2.0)
        guest = view(5, user=None, session="s", item="cup")
        store.events.append(batch_of(view(7), rated, guest))
        store.events.append(batch_of(view(3, user="bob", item=None)))
        events = scanned(store, size=3)
        people = {person.user_id: row for chunk in store.people.scan() for row, person in chunk}
        rows = store.catalogue.rows()
        products = dict(zip(rows.item_id, rows.row, strict=True))
        assert (np.diff(events.sequence) > 0).all()
        assert events.person.tolist() == [people["ann"], people["bob"], -1, people["bob"]]
        assert events.session.tolist() == [0, 0, key_of_text("s"), 0]
        assert events.product.tolist() == [products["tea"], products["cup"], products["cup"], -1]
        assert (events.timestamp - START).tolist() == [7, 9, 5, 3]
        assert np.array_equal(events.value, np.array([np.nan, 2.0, np.nan, np.nan], np.float32), equal_nan=True)
        (chunk,) = store.events.scan()
        assert {name: getattr(chunk, name).dtype for name in _COLUMNS} == {k: np.dtype(v) for k, v in _COLUMNS.items()}
        store.close()

    def test_scan_continues_and_stops_in_time(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(*(view(number) for number in range(10))))
        assert [len(chunk) for chunk in store.events.scan(size=4)] == [4, 4, 2]
        seen = scanned(store)
        assert (scanned(store, after=int(seen.sequence[6])).timestamp - START).tolist() == [7, 8, 9]
        assert (scanned(store, before_time=START + 3).timestamp - START).tolist() == [0, 1, 2]
        assert list(store.events.scan(after=int(seen.sequence[-1]))) == []
        store.close()

    def test_what_was_done_to_products_is_followed(self, opened: Opened) -> None:
        store = opened()
        assert store.events.last() == 0
        assert list(store.events.acted_on()) == []
        rated = Event(event_type=EventType.RATING, timestamp=START + 9, user_id="bob", item_id="cup", value=2.0)
        first = store.events.append(batch_of(view(7), rated))
        assert store.events.last() == first.sequence[-1]
        (chunk,) = store.events.acted_on()
        assert list(chunk.sequence) == list(first.sequence)
        assert [list(column) for column in (chunk.item_id, chunk.value)] == [["tea", "cup"], [None, 2.0]]
        assert [moment - START for moment in chunk.timestamp] == [7, 9]
        assert list(chunk.event_type) == [EVENT_CODES[EventType.VIEW], EVENT_CODES[EventType.RATING]]
        second = store.events.append(batch_of(view(8, item=None), view(7), view(10)))  # no product, a repetition, one
        chunks = list(store.events.acted_on(after=chunk.last, size=1))
        assert [list(one.sequence) for one in chunks if one.sequence] == [[second.sequence[-1]]]
        assert chunks[-1].last == store.events.last() == second.sequence[-1]
        assert list(store.events.acted_on(after=chunks[-1].last)) == []
        assert not store.events.append(batch_of(view(7))).sequence
        store.close()

    def test_stubs_are_made_once_and_counted(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id="tea", title="Tea")])
        appended = store.events.append(batch_of(view(1), view(2, item="new"), view(3, item="new", user="bob")))
        assert (appended.new_products, appended.new_people) == (1, 2)
        assert store.events.append(batch_of(view(4, item="new"))).new_products == 0
        found = store.catalogue.get(["tea", "new"])
        assert (found["tea"].stub, found["new"].stub) == (False, True)
        assert store.people.get("bob") == Person(user_id="bob", stub=True)
        store.close()

    def test_an_empty_batch_settles_a_checkpoint(self, opened: Opened) -> None:
        store = opened()
        assert store.events.append(EventBatch(), Checkpoint("file", 3)) == Appended(0)
        assert store.checkpoint("file") == Checkpoint("file", 3)
        store.events.append(batch_of(view(1)), Checkpoint("file", 4, finished=True))
        assert store.checkpoint("file") == Checkpoint("file", 4, finished=True)
        assert store.checkpoint("another") is None
        store.close()

    def test_what_was_stored_is_there_after_reopening(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(view(1)), Checkpoint("file", 1))
        store.close()
        again = opened()
        assert again.events.count() == 1
        assert again.checkpoint("file") == Checkpoint("file", 1)
        assert again.events.append(batch_of(view(1), view(2))).duplicates == (0,)
        again.close()
