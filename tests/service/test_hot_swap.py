"""A bundle takes over, is refused, or is taken back, while requests are answered."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shoplens.domain.events import Event, EventType
from shoplens.errors import BundleError
from shoplens.recommend.rules import Wish
from shoplens.service.bundle_pointer import current_version
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop, train_tiny_shop

NOW = 1_741_000_000_000_000  # microseconds; after the tiny shop's last event


def busy(work: Callable[[], None], stop: threading.Event) -> int:
    count = 0
    while not stop.is_set():
        work()
        count += 1
    return count


def ask(shop: Runtime, user: str = "u001") -> list[str]:
    shown = shop.home.recommend(shop.shelf, Wish(n=10), user)
    return [one.item_id for one in shown.answer.items]


def test_swapping_under_load_fails_no_request(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop, ThreadPoolExecutor(4) as pool:
        stop = threading.Event()
        moment = iter(range(NOW, NOW + 1_000_000))

        def read() -> None:
            assert len(ask(shop)) == 10

        def write() -> None:
            event = Event(event_type=EventType.VIEW, timestamp=next(moment), user_id="u002", item_id="p003")
            shop.append_events([event])

        running = [pool.submit(busy, work, stop) for work in (read, read, write)]
        versions = [shop.shelf.version]
        for _ in range(4):
            train_tiny_shop(shop.store, shop.workspace.bundles)
            assert shop.swap.follow()
            versions.append(shop.shelf.version)
        assert shop.bundles.rollback() == versions[-2]
        stop.set()
        assert all(future.result() > 0 for future in running)
        assert len(set(versions)) == 5
        assert shop.shelf.version == versions[-2]


def test_a_request_in_flight_keeps_its_bundle(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop:
        mine = shop.shelf
        train_tiny_shop(shop.store, shop.workspace.bundles)
        shop.swap.follow()
        assert shop.shelf is not mine
        assert shop.home.recommend(mine, Wish(), "u001").answer.bundle == mine.version


def test_a_damaged_bundle_is_refused_and_the_old_one_answers(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop:
        good = shop.shelf.version
        bad = train_tiny_shop(shop.store, shop.workspace.bundles)
        items = shop.workspace.bundles / bad / "items.json"
        whole = items.read_bytes()
        items.write_bytes(b"[]")
        assert not shop.swap.follow()
        assert shop.shelf.version == good
        assert "damaged" in shop.problems()[0]
        assert ask(shop)
        with pytest.raises(BundleError, match="damaged"):
            shop.bundles.promote(bad)
        shop.bundles.rollback()
        assert shop.problems() == []
        items.write_bytes(whole)
        shop.bundles.promote(bad)
        assert current_version(shop.workspace.bundles) == shop.shelf.version == bad


def test_at_a_start_the_bundle_before_a_damaged_one_answers(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop:
        good = shop.shelf.version
        bad = train_tiny_shop(shop.store, shop.workspace.bundles)
    (shop.workspace.bundles / bad / "items.json").write_bytes(b"[]")
    with Runtime.open(tmp_path) as again:
        assert again.shelf.version == good
        assert "damaged" in again.problems()[0]
        assert not again.swap.follow(), "it is not tried again and again"
        assert again.shelf.version == good


def test_changes_by_another_process_are_noticed(tmp_path: Path) -> None:
    from dataclasses import replace
    from decimal import Decimal

    from shoplens.recommend.filters import parse_filter
    from shoplens.store.sql import open_store

    cheap = Wish(filter=parse_filter({"field": "price", "range": {"lt": 0.5}}), repeat=True)
    with open_tiny_shop(tmp_path) as shop:
        other = open_store(shop.workspace.database_url)
        product = other.catalogue.get(["p004"])["p004"]
        other.catalogue.upsert([replace(product, price=Decimal("0.10"))])
        other.catalogue.delete("p008")
        other.close()
        assert not shop.home.recommend(shop.shelf, cheap, "u001").answer.items
        assert shop.follow() == 2
        found = shop.home.recommend(shop.shelf, cheap, "u001").answer.items
        assert [one.item_id for one in found] == ["p004"]
        everything = shop.home.recommend(shop.shelf, Wish(n=1000, repeat=True), "u001").answer.items
        assert "p008" not in {one.item_id for one in everything}


def test_the_watcher_follows_pointer_and_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.service.watching.LOOK_EVERY", 0.02)
    with open_tiny_shop(tmp_path, trained=False) as shop:
        shop.watch()
        version = train_tiny_shop(shop.store, shop.workspace.bundles)
        for _ in range(500):
            if shop.shelf.version == version:
                break
            threading.Event().wait(0.02)
        assert shop.shelf.version == version
