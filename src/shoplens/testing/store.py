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

import numpy as np

from shoplens.domain.catalogue import Product
from shoplens.store.base import Store
from shoplens.testing.store_catalogue import CatalogueConformance, ChangesConformance, PeopleConformance
from shoplens.testing.store_erasures import ErasureConformance
from shoplens.testing.store_events import EventConformance, Opened, batch_of, scanned, view
from shoplens.testing.store_handovers import HandoverConformance
from shoplens.testing.store_impressions import ImpressionConformance
from shoplens.testing.store_opinions import OpinionConformance
from shoplens.testing.store_proposals import ReviewConformance
from shoplens.testing.store_search_rules import SearchRuleConformance
from shoplens.testing.store_searches import SearchConformance
from shoplens.testing.store_transcripts import TranscriptConformance


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


class StoreConformance(
    EventConformance,
    CatalogueConformance,
    ChangesConformance,
    PeopleConformance,
    ImpressionConformance,
    SearchConformance,
    OpinionConformance,
    TranscriptConformance,
    HandoverConformance,
    ErasureConformance,
    ReviewConformance,
    SearchRuleConformance,
    ConcurrencyConformance,
):
    """All checks of a store."""
