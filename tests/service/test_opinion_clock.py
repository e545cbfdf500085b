"""While a shop is served, windows end by the clock: in one process, and never while history is read."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from shoplens.apps.opinions.surges import DAY
from shoplens.domain.opinions import Post
from shoplens.service.opinion_clock import OpinionClock
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.opinions import AlertRecord, PostRecord
from shoplens.store.sql import open_store

NOW = 1_800_000_000.0


class Shop:
    """A store, a clock on the wall, and who ticked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.ticks = folder, NOW, 0
        self.store = open_store(f"sqlite:///{folder / 'shop.sqlite'}")

    def tick(self) -> list[AlertRecord]:
        self.ticks += 1
        return []

    def clock(self) -> OpinionClock:
        return OpinionClock(self.folder, self.store.opinions, self.tick, every=0.01, now=lambda: self.now)

    def post(self, time: float) -> None:
        number = int(time)
        with self.store.opinions.turn() as turn:
            turn.add([PostRecord(sequence=number, key=number, timestamp=int(time * 1e6), text="bad", series=("all",))])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_silence_after_posts_is_judged(shop: Shop) -> None:
    clock = shop.clock()
    clock.look()
    clock.look()
    assert shop.ticks == 0, "nothing was ever said"
    shop.post(NOW - 60)
    clock.look()
    assert shop.ticks == 0, "posts are coming"
    clock.look()
    shop.now += 3 * DAY / 1e6
    clock.look()
    assert shop.ticks == 2, "silence goes on"


def test_history_that_is_read_is_left_alone(shop: Shop) -> None:
    clock = shop.clock()
    shop.post(NOW - 3 * DAY / 1e6)
    for _ in range(3):
        clock.look()
    assert shop.ticks == 0


def test_one_of_several_processes_looks(shop: Shop) -> None:
    shop.post(NOW - 60)
    first, second = shop.clock(), shop.clock()
    for _ in range(2):
        first.look()
        second.look()
    assert shop.ticks == 1
    first.close()
    for _ in range(2):
        second.look()
    assert shop.ticks == 2, "the other one goes on"
    second.close()


def said(text: str, time: float, chance: random.Random) -> Post:
    """A post that is no copy of another."""
    return Post(text=f"{text} {chance.getrandbits(40):x}", timestamp=int(time * 1e6), post_id=str(time))


def test_a_served_shop_that_only_gets_posts_tells_of_a_surge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody runs `opinions watch`: the posts come over HTTP, and then nothing comes."""
    monkeypatch.setattr(OpinionClock.__init__, "__kwdefaults__", {"every": 0.2, "now": time.time})
    settings = {"vectors": False, "window_minutes": 60, "late_minutes": 0}
    Workspace.create(tmp_path, encoders={"text": "off", "image": "off"}, opinions=settings)
    chance = random.Random(0)
    last = int(time.time()) // 3_600 * 3_600 - 3 * 3_600  # this window is over by the clock, and not by the posts
    quiet = [
        said(("the taste is terrible", *["I love the screen"] * 4)[k % 5], last - 864 * (800 - k), chance)
        for k in range(800)
    ]
    loud = [said("the battery died, terrible", last + 20 * k, chance) for k in range(150)]
    with Runtime.open(tmp_path) as shop:
        shop.opinions.push(quiet)
        shop.opinions.push(loud)
        before = len(shop.opinions.alerts())
        shop.watch()
        deadline = time.monotonic() + 30
        while len(shop.opinions.alerts()) == before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(shop.opinions.alerts()) > before
