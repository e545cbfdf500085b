"""Checks of a store's log of impressions. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from shoplens.domain.events import Event, EventType
from shoplens.domain.people import Person
from shoplens.store.base import Store
from shoplens.store.records import ImpressionRecord
from shoplens.testing.store_events import START, Opened, batch_of


def shown(number: int, **said: object) -> ImpressionRecord:
    """A made-up impression; `number` tells it from others."""
    told = {"route": "recommend", "user_id": "ann", "shown": ("tea", "cup"), **said}
    return ImpressionRecord(impression_id=f"imp{number}", timestamp=START + number, **told)  # type: ignore[arg-type]


def kept(store: Store, **bounds: int) -> list[ImpressionRecord]:
    """All records of a scan."""
    return [record for chunk in store.impressions.scan(**bounds) for _, record in chunk]


class ImpressionConformance:
    """The log of impressions."""

    def test_impressions_come_back_as_they_went_in(self, opened: Opened) -> None:
        store = opened()
        full = ImpressionRecord(
            impression_id="imp1",
            timestamp=START,
            route="cart",
            scenario="checkout",
            user_id="ann",
            session_id="s1",
            shown=("tea", "茶"),
            propensities=(0.5, 0.25),
            model="blend",
            bundle="20260101-000000",
            fallback="cold_start",
            arms={"order": "new", "colour": "control"},
            wish={"n": 3, "filter": {"field": "brand", "eq": "茶"}},
            score=0.25,
        )
        assert store.impressions.append([full, shown(2), shown(2, route="similar")]) == 2
        assert store.impressions.append([shown(2)]) == 0
        store.close()
        again = opened()
        assert kept(again) == [full, shown(2)]
        assert again.impressions.count() == 2
        again.close()

    def test_whatever_is_sent_is_stored(self, opened: Opened) -> None:
        store = opened()
        strange = ["a\0b", "half \ud83d of a pair", "'; DROP TABLE impression; --", "\u202e"]
        records = [
            shown(number, user_id=text, session_id=text, scenario=text, shown=(text,))
            for number, text in enumerate(strange)
        ]
        assert store.impressions.append(records) == len(strange)
        assert [one.user_id for one in kept(store)] == ["ab", "half ? of a pair", *strange[2:]]
        store.close()

    def test_impressions_of_a_period_and_after_another(self, opened: Opened) -> None:
        store = opened()
        store.impressions.append([shown(number) for number in range(10)])
        chunks = list(store.impressions.scan(size=4))
        assert [len(chunk) for chunk in chunks] == [4, 4, 2]
        assert [one.timestamp - START for one in kept(store, after=chunks[1][-1][0])] == [8, 9]
        assert [one.timestamp - START for one in kept(store, since=START + 3, before=START + 6)] == [3, 4, 5]
        assert store.impressions.prune(START + 7) == 7
        assert store.impressions.count() == 3
        store.close()

    def test_events_that_quote_an_impression_are_found(self, opened: Opened) -> None:
        store = opened()
        store.impressions.append([shown(1), shown(2)])
        click = Event(event_type=EventType.CLICK, timestamp=START + 5, user_id="ann", item_id="cup")
        store.events.append(
            batch_of(
                Event(
                    event_type=EventType.CLICK, timestamp=START + 3, user_id="ann", item_id="tea", impression_id="imp2"
                ),
                Event(
                    event_type=EventType.PURCHASE, timestamp=START + 4, user_id="ann", item_id="tea",
                    impression_id="imp1", value=2.5, quantity=2.0, price=1.5,
                ),
                click,
            )
        )  # fmt: skip
        found = store.impressions.responses(["imp1", "imp2", "imp9"])
        assert [(one.impression_id, one.item_id, one.event_type) for one in found] == [
            ("imp2", "tea", EventType.CLICK),
            ("imp1", "tea", EventType.PURCHASE),
        ]
        assert [(one.value, one.quantity, one.price) for one in found] == [(None, None, None), (2.5, 2.0, 1.5)]
        assert store.impressions.responses([]) == []
        store.close()

    def test_impressions_are_forgotten_with_the_person(self, opened: Opened) -> None:
        store = opened()
        store.people.upsert([Person(user_id="ann")])
        store.impressions.append([shown(1), shown(2, user_id="bob"), shown(3, user_id=None)])
        store.people.delete("ann")
        assert [one.user_id for one in kept(store)] == ["bob", None]
        store.close()

    def test_the_latest_of_somebody(self, opened: Opened) -> None:
        store = opened()
        store.impressions.append([shown(number) for number in range(5)])
        store.impressions.append([shown(7, user_id=None, session_id="s1"), shown(8, user_id="bob")])
        assert [one.impression_id for one in store.impressions.latest(user_id="ann", limit=2)] == ["imp4", "imp3"]
        assert [one.impression_id for one in store.impressions.latest(user_id="ann", since=START + 4)] == ["imp4"]
        both = store.impressions.latest(user_id="bob", session_id="s1")
        assert [one.impression_id for one in both] == ["imp8", "imp7"]
        assert store.impressions.latest(user_id="nobody") == []
        store.close()

    def test_what_a_guest_did_becomes_the_persons(self, opened: Opened) -> None:
        store = opened()
        acts = [
            Event(event_type=EventType.VIEW, timestamp=START + n, session_id="s1", item_id=f"p{n}") for n in range(3)
        ]
        other = Event(event_type=EventType.VIEW, timestamp=START, session_id="s2", item_id="p9")
        store.events.append(batch_of(*acts, other))
        store.impressions.append([shown(1, user_id=None, session_id="s1")])
        assert store.people.sign_in("ann", "s1") == 3
        assert store.people.sign_in("ann", "s1") == 0
        assert [one.item_id for one in store.events.history(user_id="ann")] == ["p0", "p1", "p2"]
        assert [one.item_id for one in store.events.history(user_id="ann", before=START + 2)] == ["p0", "p1"]
        assert store.events.history(session_id="s1") == []
        assert len(store.events.history(session_id="s2")) == 1
        assert len(store.impressions.latest(user_id="ann")) == 1
        assert store.people.known_as("ann") == "s1"
        assert store.people.known_as("bob") == "bob"
        store.impressions.append([shown(2, user_id="bob")])
        store.people.sign_in("bob", "s2")
        assert store.people.known_as("bob") == "bob"
        assert store.events.count() == 4
        store.people.delete("ann")
        assert store.events.count() == 1
        assert store.people.known_as("ann") == "ann"
        assert store.events.history(session_id="s1") == []
        store.close()
