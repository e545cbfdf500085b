"""What other processes change in the catalogue is known soon, in its order, and passed on."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventType
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.live_catalogue import LiveCatalogue
from shoplens.service.runtime import Runtime
from shoplens.store.base import Store
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.store_events import batch_of, view

NOW = 1_741_000_000_000_000  # microseconds; after the tiny shop's last event


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def one_more() -> Store:
        stores.append(open_store(f"sqlite:///{tmp_path / 'shop.sqlite'}"))
        return stores[-1]

    yield one_more
    for store in stores:
        store.close()


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self, live: LiveCatalogue | Runtime) -> None:
        self.titles: dict[str, str] = {}
        self.told: list[str] = []
        live.on_change(self)

    def __call__(self, products: Sequence[Product], gone: Sequence[str]) -> None:
        self.told += [*(product.item_id for product in products), *gone]
        self.titles.update((product.item_id, product.title) for product in products)
        for item_id in gone:
            self.titles.pop(item_id, None)


def titles(live: LiveCatalogue) -> dict[str, str]:
    """Item_id → title of what is listed."""
    facts = live.facts
    return {facts.ids[row]: facts.titles[row] for row in range(1, len(facts)) if facts.columns.listed[row]}


def test_own_changes_are_known_at_once_and_not_read_again(opened: Callable[[], Store]) -> None:
    store = opened()
    live = LiveCatalogue(store.catalogue, CatalogueFacts())
    heard = Heard(live)
    assert live.put([Product(item_id="a", title="1"), Product(item_id="b"), Product(item_id="a", title="2")]) == 2
    assert live.put([Product(item_id="a", title="2")]) == 0
    assert live.delete("b")
    assert not live.delete("b")
    assert titles(live) == heard.titles == {"a": "2"}
    assert heard.told == ["a", "b", "b"], "what changes nothing is no news"
    assert live.revision == store.catalogue.revision()
    assert live.follow() == 0


def test_foreign_changes_are_taken_in_also_between_own_ones(opened: Callable[[], Store]) -> None:
    store, other = opened(), opened()
    live = LiveCatalogue(store.catalogue, CatalogueFacts())
    heard = Heard(live)
    other.catalogue.upsert([Product(item_id="theirs", title="1"), Product(item_id="both", title="theirs")])
    live.put([Product(item_id="mine", title="2"), Product(item_id="both", title="mine")])
    assert live.revision < store.catalogue.revision()
    assert live.follow() == 3, "what lies beside a foreign change is read once more"
    assert titles(live) == heard.titles == {"theirs": "1", "mine": "2", "both": "mine"}
    other.catalogue.delete("mine")
    other.events.append(batch_of(view(1, item="stub")))
    assert live.follow() == 2
    assert titles(live) == heard.titles == {"theirs": "1", "both": "mine", "stub": ""}
    assert live.follow() == 0


def test_the_cost_grows_with_what_changed(opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = opened(), opened()
    other.catalogue.upsert([Product(item_id=f"p{number}") for number in range(300)])
    live = LiveCatalogue(store.catalogue, CatalogueFacts())
    assert live.follow() == 300
    monkeypatch.setattr(store.catalogue, "scan", lambda *_: pytest.fail("the whole catalogue was read"))
    other.catalogue.upsert([Product(item_id="p7", title="new")])
    heard = Heard(live)
    assert live.follow() == 1
    assert heard.told == ["p7"]


def test_a_listener_that_fails_does_not_fail_the_sender(opened: Callable[[], Store]) -> None:
    live = LiveCatalogue(opened().catalogue, CatalogueFacts())

    def broken(products: Sequence[Product], gone: Sequence[str]) -> None:
        raise RuntimeError(f"{len(products)} {len(gone)}")

    live.on_change(broken)
    heard = Heard(live)
    assert live.put([Product(item_id="a")]) == 1
    assert heard.told == ["a"]


def test_many_writers_end_with_what_the_store_says(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoplens.service.live_catalogue.CHUNK", 4)
    store, other = opened(), opened()
    live = LiveCatalogue(store.catalogue, CatalogueFacts())
    heard = Heard(live)

    def write(put: Callable[[list[Product]], object], delete: Callable[[str], object], who: str) -> None:
        for number in range(30):
            names = [f"i{(number * step) % 9}" for step in (1, 2, 5)]
            put([Product(item_id=name, title=f"{who}{number}") for name in names])
            delete(names[-1])

    threads = [
        threading.Thread(target=write, args=(live.put, live.delete, "a")),
        threading.Thread(target=write, args=(live.put, live.delete, "b")),
        threading.Thread(target=write, args=(other.catalogue.upsert, other.catalogue.delete, "c")),
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        live.follow()
    for thread in threads:
        thread.join()
    live.follow()
    there = {product.item_id: product.title for chunk in store.catalogue.scan() for product in chunk}
    assert titles(live) == heard.titles == there
    assert live.revision == store.catalogue.revision()


def test_a_watching_shop_knows_foreign_changes_within_a_second(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop:
        heard = Heard(shop)
        shop.watch()
        other = open_store(shop.workspace.database_url)
        other.catalogue.upsert([Product(item_id="theirs", title="Theirs")])
        committed = time.monotonic()
        while not shop.facts.row("theirs") and time.monotonic() < committed + 10:
            time.sleep(0.01)
        other.close()
        assert time.monotonic() - committed < 2, "half a second between looks, and patience for a busy machine"
        while not heard.told and time.monotonic() < committed + 10:
            time.sleep(0.01)
        assert heard.told == ["theirs"]


def test_products_that_events_mention_first_are_known(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop:
        heard = Heard(shop)
        shop.append_events([Event(event_type=EventType.VIEW, timestamp=NOW, user_id="u001", item_id="stub-1")])
        assert shop.facts.row("stub-1")
        assert heard.told == ["stub-1"]
        shop.follow()
        assert set(heard.told) == {"stub-1"}
