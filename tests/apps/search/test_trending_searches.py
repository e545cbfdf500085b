from __future__ import annotations

import threading

import pytest

from shoplens.apps.search import trending
from shoplens.apps.search.trending import TrendingSearches

DAY = 86_400_000_000
START = 1_700_000_000_000_000
NOW = START + 60 * DAY


def usual(shop: TrendingSearches, query: str, a_day: int, days: int = 60) -> None:
    for day in range(days):
        for number in range(a_day):
            shop.note(query, START + day * DAY + number * DAY // a_day, f"{query}{day}.{number}")


def test_what_rises_comes_first_and_what_is_always_asked_does_not() -> None:
    shop = TrendingSearches()
    usual(shop, "tea", 40)
    usual(shop, "umbrella", 2)
    for number in range(30):
        shop.note("Umbrella", NOW - DAY // 2, f"x{number}")
        shop.note("  雨衣 ", NOW - DAY // 3, f"y{number}")
    top = shop.top(10, NOW)
    assert [one.query for one in top] == ["雨衣", "umbrella"]
    assert top[0].usual == pytest.approx(0, abs=0.5)
    assert top[1].usual == pytest.approx(2, rel=0.6)
    assert top[1].now > 4 * top[1].usual
    assert top[0].rise > top[1].rise > 3
    assert shop.top(1, NOW) == top[:1]


def test_trends_fade() -> None:
    shop = TrendingSearches()
    usual(shop, "tea", 5)
    for number in range(50):
        shop.note("world cup shirt", NOW, f"x{number}")
    rises = [shop.top(5, NOW + days * DAY) for days in (0, 2, 9)]
    assert rises[0][0].rise > rises[1][0].rise
    assert rises[2] == []


def test_one_person_is_no_trend() -> None:
    shop = TrendingSearches()
    usual(shop, "tea", 5)
    for number in range(500):
        shop.note("my own shop", NOW - number, "ann")
    assert [one.query for one in shop.top(5, NOW)] == []
    shop.note("my own shop", NOW + 2 * DAY, "ann")
    shop.forget("ann")
    assert not any(asker == "ann" for _, asker in shop._askers)


def test_in_the_first_days_everything_is_new() -> None:
    shop = TrendingSearches()
    assert shop.top(5, NOW) == []
    shop.note("", NOW)
    assert shop.top(5, NOW) == []
    shop.note_all((query, NOW, f"u{number}") for number in range(20) for query in ("tea", "cup")[: 1 + number % 2])
    found = shop.top(5, NOW + DAY // 24)
    assert [one.query for one in found] == ["tea", "cup"]


def test_older_searches_may_come_later() -> None:
    early, late = TrendingSearches(), TrendingSearches()
    moments = [NOW - 5 * DAY, NOW - DAY, NOW]
    for shop, order in ((early, moments), (late, moments[::-1])):
        for number in range(10):
            for moment in order:
                shop.note("tea", moment, f"u{number} {moment}")
    ours, theirs = early.top(1, NOW)[0], late.top(1, NOW)[0]
    assert ours.now == pytest.approx(theirs.now)
    assert ours.usual == pytest.approx(theirs.usual)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trending, "MOST_QUERIES", 100)
    monkeypatch.setattr(trending, "MOST_ASKERS", 50)
    shop = TrendingSearches()
    for number in range(20):
        shop.note("kept", NOW, f"u{number}")
    for number in range(1_000):
        shop.note(f"query {number}", NOW + number, f"v{number}")
    assert len(shop._queries) <= 100
    assert len(shop._askers) <= 50
    assert "kept" in shop._queries


def test_threads_note_at_once() -> None:
    shop = TrendingSearches()

    def work(name: int) -> None:
        for number in range(200):
            shop.note("tea", NOW, f"{name}.{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop._queries["tea"].now == pytest.approx(800)
