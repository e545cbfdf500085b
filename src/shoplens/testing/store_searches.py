"""Checks of a store's log of searches. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from shoplens.domain.events import Event, EventType
from shoplens.domain.people import Person
from shoplens.store.base import Store
from shoplens.store.records import QueryCount, SearchRecord, SearchResponse
from shoplens.testing.store_events import START, Opened, batch_of


def searched(number: int, query: str = "green tea", **said: object) -> SearchRecord:
    """A made-up search; `number` tells it from others."""
    told = {"user_id": "ann", "total": 2, "shown": ("tea", "cup"), **said}
    return SearchRecord(impression_id=f"imp{number}", timestamp=START + number, query=query, **told)  # type: ignore[arg-type]


def answered(number: int, item: str, kind: EventType = EventType.CLICK, **said: object) -> Event:
    """A made-up event that quotes search `number`."""
    told = {"user_id": "ann", "item_id": item, **said}
    return Event(event_type=kind, timestamp=START + 1_000 + number, impression_id=f"imp{number}", **told)  # type: ignore[arg-type]


def kept(store: Store, **bounds: int) -> list[SearchRecord]:
    """All records of a scan."""
    return [record for chunk in store.searches.scan(**bounds) for _, record in chunk]


def responses(store: Store, **bounds: int) -> list[SearchResponse]:
    """All of what people did."""
    return [one for chunk in store.searches.responses(**bounds) for one in chunk]


class SearchConformance:
    """The log of searches."""

    def test_searches_come_back_as_they_went_in(self, opened: Opened) -> None:
        store = opened()
        full = SearchRecord(
            impression_id="imp1",
            timestamp=START,
            query="绿茶 green tea",
            user_id="ann",
            session_id="s1",
            language="zh",
            total=37,
            shown=("tea", "茶"),
            first=11,
            features={"words": (0.5, 0.25), "price": (3.0, 1e6)},
            filters='{"field":"brand","eq":"Acme"}',
        )
        nobody = SearchRecord(impression_id="imp2", timestamp=START + 1, query="")
        assert store.searches.append([full, nobody]) == 2
        assert kept(store) == [full, nobody]
        assert store.searches.count() == 2
        store.close()
        again = opened()
        assert kept(again) == [full, nobody]
        again.close()

    def test_what_is_not_known_of_a_product_stays_unknown(self, opened: Opened) -> None:
        store = opened()
        store.searches.append([searched(1, features={"looks": (math.nan, 1.0)})])
        ((looks, known),) = (record.features["looks"] for record in kept(store))
        assert math.isnan(looks)
        assert known == 1.0
        store.close()

    def test_a_search_is_stored_once(self, opened: Opened) -> None:
        store = opened()
        assert store.searches.append([searched(1), searched(2), searched(1, "another")]) == 2
        assert store.searches.append([searched(2), searched(3)]) == 1
        assert [record.query for record in kept(store)] == ["green tea"] * 3
        assert store.searches.append([]) == 0
        store.close()

    def test_whatever_people_type_is_stored(self, opened: Opened) -> None:
        store = opened()
        strange = ["a\0b", "half \ud83d of a pair", "'; DROP TABLE search; --", "x" * 100_000, "\u202e\ufeff"]
        assert store.searches.append([searched(number, query) for number, query in enumerate(strange)]) == 5
        assert [record.query[:8] for record in kept(store)] == [
            "ab",
            "half ? o",
            "'; DROP ",
            "xxxxxxxx",
            "\u202e\ufeff",
        ]
        assert max(len(record.query) for record in kept(store)) <= 1_000
        store.close()

    def test_scan_goes_on_and_keeps_to_the_period(self, opened: Opened) -> None:
        store = opened()
        store.searches.append([searched(number) for number in range(10)])
        chunks = list(store.searches.scan(size=4))
        assert [len(chunk) for chunk in chunks] == [4, 4, 2]
        assert [record.timestamp - START for record in kept(store, after=chunks[1][-1][0])] == [8, 9]
        assert [record.timestamp - START for record in kept(store, since=START + 3, before=START + 6)] == [3, 4, 5]
        store.close()

    def test_responses_are_the_events_that_quote_a_search(self, opened: Opened) -> None:
        store = opened()
        store.searches.append([searched(1), searched(2, "cup", first=11), searched(3)])
        store.events.append(
            batch_of(
                answered(2, "cup"),
                answered(1, "tea", EventType.PURCHASE, position=7),
                answered(1, "pot", position=7),
                answered(1, "tea", EventType.REFUND),
                answered(99, "tea"),
                Event(event_type=EventType.CLICK, timestamp=START, user_id="ann", item_id="tea"),
            )
        )
        expected = [("imp1", "tea", "purchase", 1), ("imp1", "pot", "click", 7), ("imp2", "cup", "click", 12)]
        for size in (1, 2_000):
            found = [one for chunk in store.searches.responses(size=size) for one in chunk]
            assert [(one.impression_id, one.item_id, one.event_type, one.position) for one in found] == expected
        assert [one.query for one in responses(store, since=START + 2)] == ["cup"]
        assert responses(store, before=START + 1) == []
        store.close()

    def test_queries_are_counted_by_who_asked(self, opened: Opened) -> None:
        store = opened()
        store.searches.append(
            [
                searched(1, "tea"),
                searched(2, "tea"),  # the same person again
                searched(3, "tea", user_id="bob"),
                searched(4, "tea", first=11),  # a further page
                searched(5, "unicorn", user_id=None, session_id="s", total=0),
                searched(6, "unicorn", user_id=None, total=0),
                searched(7, ""),
            ]
        )
        ours = [QueryCount("tea", 3, 2, 0), QueryCount("unicorn", 2, 2, 2)]
        assert list(store.searches.queries()) == ours
        asked = Event(event_type=EventType.SEARCH, timestamp=START + 50, user_id="ann", query="pot")
        quoting = Event(event_type=EventType.SEARCH, timestamp=START + 51, query="tea", impression_id="imp1")
        guest = Event(event_type=EventType.SEARCH, timestamp=START + 52, session_id="s", query="pot")
        store.events.append(batch_of(asked, quoting, guest))
        assert list(store.searches.queries()) == [*ours, QueryCount("pot", 2, 2, None)]
        assert list(store.searches.queries(since=START + 5, before=START + 6)) == [QueryCount("unicorn", 1, 1, 1)]
        store.close()

    def test_recent_queries_are_the_latest_different_ones(self, opened: Opened) -> None:
        store = opened()
        asked = ["tea", "cup", "tea", "nothing", "pot"]
        store.searches.append([searched(n, query, total=int(query != "nothing")) for n, query in enumerate(asked)])
        store.searches.append([searched(9, "kettle", user_id=None, session_id="s")])
        assert store.searches.recent(user_id="ann") == ["pot", "tea", "cup"]
        assert store.searches.recent(user_id="ann", session_id="s", limit=2) == ["kettle", "pot"]
        assert store.searches.recent(user_id="bob") == store.searches.recent() == []
        store.close()

    def test_searches_are_forgotten_with_the_person(self, opened: Opened) -> None:
        store = opened()
        store.people.upsert([Person(user_id="ann")])
        store.searches.append([searched(1), searched(2, user_id="bob"), searched(3, user_id="nobody known")])
        store.people.delete("ann")
        store.people.delete("nobody known")
        assert [record.user_id for record in kept(store)] == ["bob"]
        store.close()

    def test_old_searches_are_pruned_and_their_numbers_not_reused(self, opened: Opened) -> None:
        store = opened()
        store.searches.append([searched(number) for number in range(6)])
        last = [number for chunk in store.searches.scan() for number, _ in chunk][-1]
        assert store.searches.prune(START + 4) == 4
        assert [record.timestamp - START for record in kept(store)] == [4, 5]
        assert store.searches.prune(START + 100) == 2
        store.searches.append([searched(9)])
        assert len(kept(store, after=last)) == 1
        store.close()

    def test_writers_of_searches_take_turns(self, opened: Opened) -> None:
        stores: Sequence[Store] = [opened(), opened()]
        failures: list[BaseException] = []

        def write(store: Store, start: int) -> None:
            try:
                for number in range(start, start + 20):
                    store.searches.append([searched(number), searched(number + 10)])
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(store, 15 * n)) for n, store in enumerate(stores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[0]
        assert len({record.impression_id for record in kept(stores[0])}) == stores[1].searches.count() == 45
        for store in stores:
            store.close()
