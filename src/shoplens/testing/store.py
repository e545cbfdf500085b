"""Checks that every store passes. Subclass in your tests and say how to open one:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def opened(self, tmp_path):
            return lambda: MyStore(tmp_path)   # each call opens the same, at first empty, database

Laws that need the package `hypothesis` are in `shoplens.testing.store_laws`.
"""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.events import Event, EventBatch, EventColumns, EventType, key_of_text
from shoplens.domain.people import Person
from shoplens.store.base import Appended, Checkpoint, Store

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
    return EventColumns(**{name: np.concatenate([np.zeros(0, _COLUMNS[name]), *columns[name]]) for name in _COLUMNS})


class EventConformance:
    """The log of events."""

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


class CatalogueConformance:
    """The catalogue."""

    def test_products_come_back_exactly(self, opened: Opened) -> None:
        store = opened()
        full = Product(
            item_id="p/1 ü",
            title="Кружка",
            description="Line one\nline two",
            brand="Acme",
            category=("Home", "Kitchen"),
            price=Decimal("19.90"),
            sale_price=Decimal("0.10"),
            currency="EUR",
            availability=Availability.BACKORDER,
            stock=0,
            gtin="04012345123456",
            mpn="m",
            group_id="g",
            link="https://shop.example/p1",
            attributes={"colour": ("red", "blue"), "size": ()},
            images=("a.jpg", "zip.zip#b.jpg"),
            videos=("v.mp4",),
            audio=("a.ogg",),
            created_at=datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        )
        assert store.catalogue.upsert([full, Product(item_id="bare")]) == 2
        assert store.catalogue.get([full.item_id, "bare", "missing"]) == {
            full.item_id: full,
            "bare": Product(item_id="bare"),
        }
        assert str(store.catalogue.get([full.item_id])[full.item_id].price) == "19.90"
        store.close()

    def test_only_what_changed_is_counted(self, opened: Opened) -> None:
        store = opened()
        products = [Product(item_id=str(n), title=f"t{n}") for n in range(5)]
        assert store.catalogue.upsert(products) == 5
        revision = store.catalogue.revision()
        assert store.catalogue.upsert(products) == 0
        assert store.catalogue.revision() == revision
        products[2] = Product(item_id="2", title="other")
        assert store.catalogue.upsert(products, Checkpoint("feed", 5, finished=True)) == 1
        assert store.catalogue.revision() != revision
        assert store.checkpoint("feed") == Checkpoint("feed", 5, finished=True)
        store.close()

    def test_the_later_of_two_equal_ids_counts(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id="a", title="first"), Product(item_id="a", title="second")])
        assert store.catalogue.get(["a"])["a"].title == "second"
        assert store.catalogue.count() == 1
        store.close()

    def test_scan_and_rows_go_by_store_row(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id=name) for name in "zebra"])
        rows = store.catalogue.rows()
        assert list(rows.row) == sorted(rows.row)
        assert [len(chunk) for chunk in store.catalogue.scan(size=2)] == [2, 2, 1]
        assert [one.item_id for chunk in store.catalogue.scan(size=2) for one in chunk] == list(rows.item_id)
        store.close()

    def test_a_deleted_product_keeps_its_row(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id="a", title="A"), Product(item_id="b", title="B")])
        before = store.catalogue.rows()
        revision = store.catalogue.revision()
        assert store.catalogue.delete("a")
        assert not store.catalogue.delete("a")
        assert not store.catalogue.delete("never there")
        assert store.catalogue.get(["a"]) == {}
        assert (store.catalogue.count(), store.catalogue.rows().item_id) == (1, ("b",))
        assert store.catalogue.revision() != revision
        assert store.catalogue.upsert([Product(item_id="a", title="A")]) == 1
        assert store.catalogue.rows() == before
        store.close()

    def test_a_deleted_product_with_events_is_an_unavailable_stub(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id="tea", title="Tea", stock=5)])
        store.events.append(batch_of(view(1)))
        rows = store.catalogue.rows()
        assert store.catalogue.delete("tea")
        assert not store.catalogue.delete("tea")
        gone = store.catalogue.get(["tea"])["tea"]
        assert gone.stub
        assert not gone.orderable
        assert gone.title == ""
        assert store.catalogue.rows() == rows
        assert (store.catalogue.count(), store.catalogue.count(stubs=False)) == (1, 0)
        assert [event.item_id for event in store.events.history(user_id="ann")] == ["tea"]
        store.close()

    def test_an_event_brings_a_deleted_product_back_as_a_stub(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id="tea", title="Tea")])
        rows = store.catalogue.rows()
        store.catalogue.delete("tea")
        assert store.events.append(batch_of(view(1))).new_products == 1
        assert store.catalogue.get(["tea"]) == {
            "tea": Product(item_id="tea", stub=True, availability=Availability.OUT_OF_STOCK)
        }
        assert store.catalogue.rows() == rows
        store.close()


class PeopleConformance:
    """People."""

    def test_people_come_back_exactly(self, opened: Opened) -> None:
        store = opened()
        ann = Person(user_id="ann", fields={"age": 41.0, "visits": 3, "city": "Zürich", "note": "a\u0000b"})
        assert store.people.upsert([ann, Person(user_id="bob")]) == 2
        assert store.people.upsert([ann, Person(user_id="bob", fields={"age": 1.5})], Checkpoint("f", 2)) == 1
        assert store.people.get("ann") == ann
        assert store.people.get("carl") is None
        assert store.checkpoint("f") == Checkpoint("f", 2)
        assert [one.user_id for chunk in store.people.scan(size=1) for _, one in chunk] == ["ann", "bob"]
        assert store.people.count() == 2
        store.close()

    def test_forgetting_leaves_nothing(self, opened: Opened) -> None:
        store = opened()
        store.people.upsert([Person(user_id="ann", fields={"age": 41})])
        events = batch_of(view(1), view(2, user="bob"), view(3), view(4, user=None, session="s"))
        store.events.append(events)
        rows = {person.user_id: row for chunk in store.people.scan() for row, person in chunk}
        assert store.people.delete("ann") == 2
        assert store.people.delete("ann") == 0
        assert store.people.get("ann") is None
        assert store.events.history(user_id="ann") == []
        assert store.events.count() == len(scanned(store)) == 2
        assert rows["ann"] not in scanned(store).person
        # What they did may happen again, as news, and the number of their old row is not given to anybody.
        assert store.events.append(events).stored == 2
        new = {person.user_id: row for chunk in store.people.scan() for row, person in chunk}
        assert new["bob"] == rows["bob"]
        assert new["ann"] not in rows.values()
        assert len(store.events.history(user_id="ann")) == 2
        store.close()

    def test_forgetting_through_another_connection_is_noticed(self, opened: Opened) -> None:
        store, other = opened(), opened()
        store.events.append(batch_of(view(1)))
        other.people.delete("ann")
        assert store.events.append(batch_of(view(2))).new_people == 1
        assert len(other.events.history(user_id="ann")) == 1
        store.close()
        other.close()

    def test_sequence_numbers_are_not_reused(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(view(1, user="bob"), view(2)))
        last = int(scanned(store).sequence[-1])
        store.people.delete("ann")
        store.events.append(batch_of(view(3)))
        assert len(scanned(store, after=last)) == 1, "a reader that goes on after `last` must see the new event"
        store.close()


class ConcurrencyConformance:
    """Several threads and connections at once."""

    def test_readers_see_whole_batches_while_a_writer_writes(self, opened: Opened) -> None:
        store = opened()
        size, batches = 50, 12
        finished = threading.Event()
        wrong: list[str] = []

        def read() -> None:
            while not finished.is_set():
                count = len(scanned(store, size=7))
                history = len(store.events.history(user_id="ann", limit=10_000))
                if count % size or history % size:
                    wrong.append(f"half a batch was seen: {count} events, history of {history}")

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(batches):
            store.events.append(batch_of(*(view(number * size + n) for n in range(size))))
        finished.set()
        for reader in readers:
            reader.join()
        assert not wrong, wrong[0]
        assert store.events.count() == size * batches
        store.close()

    def test_writers_take_turns(self, opened: Opened) -> None:
        stores = [opened(), opened()]
        failures: list[BaseException] = []

        def write(store: Store, name: str) -> None:
            try:
                for number in range(20):
                    store.events.append(batch_of(view(number, user=name, item=f"i{number}")))
                    store.catalogue.upsert([Product(item_id=f"i{number}", title=name)])
            except BaseException as error:
                failures.append(error)

        threads = [
            threading.Thread(target=write, args=(store, f"{which}{n}"))
            for which, store in enumerate(stores)
            for n in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[0]
        events = scanned(stores[0])
        assert len(events) == 80
        assert len(np.unique(events.sequence)) == 80
        assert stores[1].catalogue.count() == 20
        for store in stores:
            store.close()

    def test_an_open_reader_does_not_hold_up_the_writer(self, opened: Opened) -> None:
        store = opened()
        store.events.append(batch_of(*(view(number) for number in range(10))))
        scan = store.events.scan(size=4)
        first = next(scan)
        store.events.append(batch_of(view(99)))
        rest = sum(len(chunk) for chunk in scan)
        assert len(first) + rest == 10, "a scan ends with what was there when it began"
        store.ping()
        store.close()


class StoreConformance(EventConformance, CatalogueConformance, PeopleConformance, ConcurrencyConformance):
    """All checks of a store."""
