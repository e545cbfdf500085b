"""Checks of a store's catalogue and people. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.people import Person
from shoplens.errors import ConflictError
from shoplens.store.base import Store
from shoplens.store.erasures import guest, is_about
from shoplens.store.records import Checkpoint
from shoplens.testing.store_events import Opened, batch_of, scanned, view


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

    def test_what_somebody_else_changed_is_not_overwritten(self, opened: Opened) -> None:
        """Read, changed and put back: whoever comes second is told, and nothing of theirs is written."""
        store = opened()
        store.catalogue.upsert([Product(item_id="one", title="One"), Product(item_id="two", title="Two")])
        read = store.catalogue.get(["one", "two"])
        store.catalogue.upsert([replace(read["one"], title="Somebody's")])
        with pytest.raises(ConflictError, match="one"):
            store.catalogue.upsert([replace(one, title="Mine") for one in read.values()], instead_of=read.values())
        assert {one.title for one in store.catalogue.get(["one", "two"]).values()} == {"Somebody's", "Two"}
        now = store.catalogue.get(["one", "two"])
        assert (
            store.catalogue.upsert([replace(one, title="Mine") for one in now.values()], instead_of=now.values()) == 2
        )
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

    def test_identities_are_those_of_products(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert(
            [Product(item_id="p1", title="t", gtin="4006381333931", mpn="X", link="https://a.example")]
        )
        store.catalogue.upsert([Product(item_id="p2", title="t"), Product(item_id="p3", title="t")])
        store.catalogue.delete("p3")
        assert list(store.catalogue.identities()) == [
            ("p1", "4006381333931", "X", "https://a.example"), ("p2", None, None, None),
        ]  # fmt: skip
        store.close()


class ChangesConformance:
    """What somebody must be told who follows the catalogue."""

    def test_changes_bring_a_follower_up_to_date(self, opened: Opened) -> None:
        store = opened()
        follower = Follower(store)
        assert follower.catch_up() == 0, "nothing there, nothing told"
        store.catalogue.upsert([Product(item_id=name, title=name) for name in "abc"])
        assert follower.catch_up() == 3
        store.catalogue.upsert([Product(item_id="a", title="a"), Product(item_id="b", title="new")])
        assert follower.catch_up() == 1, "only what really changed"
        store.catalogue.delete("c")
        store.catalogue.delete("c")
        store.catalogue.upsert([Product(item_id="b", title="newer")])
        assert follower.catch_up() == 2
        assert follower.known == {
            "a": Product(item_id="a", title="a"),
            "b": Product(item_id="b", title="newer"),
        }
        assert follower.revision == store.catalogue.revision()
        assert list(store.catalogue.changes(follower.revision)) == []
        store.close()

    def test_stubs_that_events_make_are_changes(self, opened: Opened) -> None:
        store = opened()
        follower = Follower(store)
        store.events.append(batch_of(view(1, item="tea"), view(2, item="cup"), view(3, item="tea")))
        assert follower.catch_up() == 2
        assert follower.known["tea"].stub
        store.events.append(batch_of(view(4, item="cup")))
        assert follower.catch_up() == 0, "a mention alone changes nothing"
        store.catalogue.delete("tea")
        store.catalogue.upsert([Product(item_id="pot")])
        store.catalogue.delete("pot")
        follower.catch_up()
        assert not follower.known["tea"].orderable
        assert "pot" not in follower.known
        store.events.append(batch_of(view(5, item="pot")))
        assert follower.catch_up() == 1
        assert follower.known["pot"].stub
        assert follower.revision == store.catalogue.revision()
        store.close()

    def test_a_change_larger_than_a_chunk_is_complete_only_at_its_end(self, opened: Opened) -> None:
        store = opened()
        store.catalogue.upsert([Product(item_id="first")])
        before = store.catalogue.revision()
        store.catalogue.upsert([Product(item_id=f"p{number}") for number in range(5)])
        told = [(revision, len(changed)) for revision, changed, _ in store.catalogue.changes(0, size=2)]
        assert told == [(before, 2), (before, 2), (before + 1, 2)]
        told = [(revision, len(changed)) for revision, changed, _ in store.catalogue.changes(before, size=2)]
        assert told == [(before, 2), (before, 2), (before + 1, 1)]
        store.close()

    def test_a_follower_of_several_writers_misses_nothing(self, opened: Opened) -> None:
        stores = [opened(), opened()]
        follower = Follower(opened(), size=3)
        failures: list[BaseException] = []

        def write(store: Store, which: int) -> None:
            try:
                for number in range(25):
                    title = f"{which}-{number}"
                    names = [f"i{(number * step + which) % 11}" for step in (1, 3, 7)]
                    store.catalogue.upsert([Product(item_id=name, title=title) for name in names])
                    store.catalogue.delete(names[0])
                    store.events.append(batch_of(view(number, user=title, item=f"s{number}")))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(store, n)) for n, store in enumerate([*stores, *stores])]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            follower.catch_up()
        for thread in threads:
            thread.join()
        assert not failures, failures[0]
        follower.catch_up()
        there = {product.item_id: product for chunk in stores[0].catalogue.scan() for product in chunk}
        assert follower.known == there
        assert follower.revision == stores[0].catalogue.revision()
        for store in (*stores, follower.store):
            store.close()


class Follower:
    """Somebody who knows the catalogue only from its changes."""

    def __init__(self, store: Store, size: int = 5_000) -> None:
        self.store = store
        self.size = size
        self.revision = 0
        self.known: dict[str, Product] = {}

    def catch_up(self) -> int:
        """Take in what changed; how many products did."""
        told = 0
        for revision, changed, gone in self.store.catalogue.changes(self.revision, self.size):
            assert revision >= self.revision, "revisions never fall"
            assert 0 < len(changed) + len(gone) <= self.size
            self.revision = revision
            self.known.update((product.item_id, product) for product in changed)
            for item_id in gone:
                self.known.pop(item_id, None)
            told += len(changed) + len(gone)
        return told


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
        gone = store.people.delete("ann")
        assert {name: count for name, count in gone.items() if count} == {"people": 1, "events": 2}
        assert not any(store.people.delete("ann").values())
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

    def test_forgetting_a_guest_leaves_what_is_somebodys(self, opened: Opened) -> None:
        store = opened()
        guests = [view(1, user=None, session="s"), view(2, user=None, session="s"), view(3, user=None, session="t")]
        events = batch_of(*guests, view(4, session="s"))
        store.events.append(events)
        gone = store.people.delete_guest(["s", "elsewhere"], {"conversations": 1})
        assert {name: count for name, count in gone.items() if count} == {"events": 2}
        assert store.events.history(session_id="s") == []
        assert len(store.events.history(session_id="t")) == len(store.events.history(user_id="ann")) == 1
        assert store.events.count() == 2
        (told,) = store.erasures.scan()
        assert dict(told.counts) == {**gone, "conversations": 1, "sessions": 1}
        assert told.of_guest
        assert is_about(told, guest("s"))
        assert not is_about(told, "s")
        assert not any(store.people.delete_guest(["s"]).values())
        assert store.erasures.last() == 1
        assert store.events.append(events).stored == 2, "what the guest did may happen again, as news"
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
