"""Laws of every store, tried on made-up rows. Needs the package `hypothesis`; used like `StoreConformance`."""

# ruff: noqa: D102 the names of the laws say what they claim

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.domain.people import Person
from shoplens.testing.store_events import Opened, scanned

_thoroughly = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

#: What a text column must hold: anything but the zero character and halves of surrogate pairs.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
ids = texts.filter(bool)
maybe = st.none() | texts
amounts = st.none() | st.floats(allow_nan=False, allow_infinity=False)
tuples = st.lists(texts, max_size=3).map(tuple)
decimals = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
numbers = st.integers(-(2**63), 2**63 - 1)

products = st.builds(
    Product,
    item_id=ids,
    title=texts,
    description=texts,
    brand=maybe,
    category=tuples,
    price=decimals,
    sale_price=decimals,
    currency=maybe,
    availability=st.none() | st.sampled_from(Availability),
    stock=st.none() | numbers,
    gtin=maybe,
    mpn=maybe,
    group_id=maybe,
    link=maybe,
    attributes=st.dictionaries(texts, tuples, max_size=3),
    images=tuples,
    videos=tuples,
    audio=tuples,
    created_at=st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    stub=st.booleans(),
)

events = st.builds(
    Event,
    event_type=st.sampled_from(EventType),
    timestamp=st.integers(0, 2**62),
    user_id=st.sampled_from(["ann", "Ånn", "a'nn"]),
    session_id=st.none() | ids,
    item_id=st.none() | ids,
    value=amounts,
    quantity=amounts,
    price=amounts,
    currency=maybe,
    impression_id=maybe,
    position=st.none() | numbers,
    query=maybe,
    context=maybe,
)

people = st.builds(
    Person,
    user_id=ids,
    fields=st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.floats(allow_nan=False)),
    stub=st.booleans(),
)


class StoreLaws:
    """What goes in comes out."""

    def test_every_product_comes_back(self, opened: Opened) -> None:
        store = opened()

        @_thoroughly
        @given(st.lists(products, max_size=6, unique_by=lambda one: one.item_id))
        def law(some: list[Product]) -> None:
            store.catalogue.upsert(some)
            assert store.catalogue.get([one.item_id for one in some]) == {one.item_id: one for one in some}
            assert store.catalogue.upsert(some) == 0

        law()
        assert len(store.catalogue.rows().row) == store.catalogue.count()
        store.close()

    def test_every_person_comes_back(self, opened: Opened) -> None:
        store = opened()

        @_thoroughly
        @given(st.lists(people, max_size=6, unique_by=lambda one: one.user_id))
        def law(some: list[Person]) -> None:
            store.people.upsert(some)
            assert [store.people.get(one.user_id) for one in some] == some
            assert store.people.upsert(some) == 0

        law()
        store.close()

    def test_every_event_comes_back_once(self, opened: Opened) -> None:
        store = opened()
        kept: dict[int, Event] = {}

        @_thoroughly
        @given(st.lists(events, max_size=8))
        def law(some: list[Event]) -> None:
            batch = EventBatch()
            for event in some:
                batch.append(event)
            new = {event.key: event for event in reversed(some) if event.key not in kept}
            appended = store.events.append(batch)
            assert appended.stored == len(new)
            assert appended.stored + len(appended.duplicates) == len(some)
            kept.update(new)

        law()
        found = [e for name in ("ann", "Ånn", "a'nn") for e in store.events.history(user_id=name, limit=10**6)]
        assert sorted(event.key for event in found) == sorted(kept)
        assert all(kept[event.key] == event for event in found)
        assert store.events.count() == len(scanned(store)) == len(kept)
        store.close()
