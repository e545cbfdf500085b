"""The stream: alerts depend on the posts and their order alone, each post counts once, one event is one alert."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opinion_cases import BAD, GOOD, SETTINGS, START, SURGE, fresh_store, plain_reader, run, stream

from shoplens.apps.opinions.alerting import AlertSettings, concerns
from shoplens.apps.opinions.monitor import Monitor, Point
from shoplens.apps.opinions.surges import DAY, MINUTE
from shoplens.apps.opinions.telling import alert_json, subject_of, text_of
from shoplens.domain.opinions import Post
from shoplens.store.base import Store

HOUR = 60 * MINUTE
END = 2**62


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = fresh_store(tmp_path)
    yield one
    one.close()


def take(monitor: Monitor, *posts: Post, now: int = START) -> list[int]:
    """Sequences that the posts got."""
    return [one.sequence for one in monitor.take(posts, plain_reader().read(posts), now=now).posts]


def distinct(post: Post) -> str:
    """What no other post says, long enough that it makes no copy."""
    return hashlib.sha256(str(post.post_id).encode()).hexdigest()[:12]


def said(text: str, time: int = 0, **more: object) -> Post:
    return Post(text=text, timestamp=START + time, **more)  # type: ignore[arg-type]


def test_alerts_depend_on_neither_batches_nor_restarts(tmp_path: Path) -> None:
    posts = stream(1, days=8, surge=(6.0, 7.0))
    readings = plain_reader().read(posts)
    told = []
    for name, size, restart in (("a", 400, False), ("b", 97, False), ("c", 171, True)):
        one = fresh_store(tmp_path, name)
        run(one, posts, readings, size=size, restart=restart)
        told.append([one.opinions.alerts(), one.opinions.totals(kind="aspect", since=0, before=END)])
        one.close()
    assert told[0] == told[1] == told[2]
    assert told[0][0], "there was a surge"


def test_a_surge_is_one_alert_with_evidence(store: Store) -> None:
    posts = stream(2, days=8, surge=(6.0, 7.0))
    run(store, posts, plain_reader().read(posts), size=400)
    (alert,) = store.opinions.alerts()
    assert START + 6 * DAY <= alert.opened <= START + 6.75 * DAY
    assert abs(alert.began - (START + 6 * DAY)) < 8 * HOUR
    assert alert.told["during"]["share"] > 0.4 > alert.told["before"]["high"]
    assert "battery" in alert.told["words"]
    assert concerns(alert, "aspect:battery") or concerns(alert, "all")
    evidence = store.opinions.by_number(alert.told["posts"])
    assert sum(SURGE in one.text for one in evidence.values()) >= 3
    for language, words in (("en", "complaints"), ("zh", "负面评论")):
        assert words in subject_of(alert, language)
        assert SURGE in text_of(alert, list(evidence.values()), language)
    assert alert_json(alert, list(evidence.values()), "en")["posts"][0]["tones"]["negative"] > 0.5


def test_a_post_taken_in_twice_counts_once(store: Store) -> None:
    monitor = Monitor(store.opinions)
    first = said("the kettle leaks", post_id="1")
    assert take(monitor, first, first) == [1]
    taken = Monitor(store.opinions).take([first], plain_reader().read([first]), now=START)
    assert (len(taken.posts), taken.duplicates) == (0, 1)
    assert store.opinions.totals(kind=None, since=0, before=END)[0][1].posts == 1


def test_copies_are_one_opinion_with_more_reach(store: Store) -> None:
    monitor = Monitor(store.opinions)
    long = "This kettle leaked all over my kitchen after a week, avoid it!"
    take(monitor, said(long, reach=10, post_id="1"))
    monitor = Monitor(store.opinions)  # copies are found after a restart too
    take(
        monitor,
        said(f"RT @bob: {long} https://x.example/1", 5, reach=500, post_id="2"),
        said("good", 6),
        said("good", 7),
    )
    take(monitor, said(long, 30 * DAY, post_id="3"))  # a month later it is news again
    _, total = store.opinions.totals(kind=None, since=0, before=END)[0]
    assert (total.posts, total.reach) == (4, 513), "two short texts that are alike are two opinions"
    original = store.opinions.by_number([1])[1]
    assert (original.copies, original.reach) == (1, 510)


def test_late_posts_count_and_change_no_alert(store: Store) -> None:
    monitor = Monitor(store.opinions)
    take(monitor, said("good", 0, post_id="1"), said("good", 2 * HOUR, post_id="2"))
    taken = monitor.take([said("bad", HOUR)], plain_reader().read([said("bad", HOUR)]), now=START)
    assert taken.late == 1
    assert len(store.opinions.windows("all", since=0, before=END)) == 3


def test_a_failed_turn_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = Monitor(store.opinions)
    take(monitor, said("good", 0, post_id="1"))
    with monkeypatch.context() as patch:
        patch.setattr(Monitor, "_finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take(monitor, said("bad", 5, post_id="2"))
    assert store.opinions.count() == 1
    assert take(monitor, said("bad", 5, post_id="2")) == [2]


def test_two_processes_take_turns(tmp_path: Path) -> None:
    posts = stream(3, days=8, surge=(6.0, 7.0))
    readings = plain_reader().read(posts)
    alone = fresh_store(tmp_path, "alone")
    run(alone, posts, readings, size=100)
    stores = [fresh_store(tmp_path, "shared") for _ in range(2)]
    monitors = [Monitor(one.opinions, SETTINGS) for one in stores]
    for number, start in enumerate(range(0, len(posts), 50)):
        monitors[number % 2].take(posts[start : start + 50], readings[start : start + 50], now=START)
    assert stores[0].opinions.alerts() == alone.opinions.alerts()
    for one in (alone, *stores):
        one.close()


def test_messages_wait_in_the_outbox_unless_history_is_read_again(store: Store, tmp_path: Path) -> None:
    posts = stream(2, days=8, surge=(6.0, 7.0))
    readings = plain_reader().read(posts)
    settings = replace(SETTINGS, alerts=AlertSettings(channels=("log", "email")))
    Monitor(store.opinions, settings).take(
        posts, readings, now=START + 7 * DAY, point=Point("file", 800, finished=True)
    )
    sent = {(one.channel, one.occasion) for one in store.outbox.claim(START + 9 * DAY, 1, 99)}
    assert {("log", "opened"), ("email", "opened")} <= sent
    settled = store.checkpoint("file")
    assert settled is not None
    assert settled.finished
    old = fresh_store(tmp_path, "old")
    Monitor(old.opinions, settings).take(posts, readings, now=START + 300 * DAY)
    assert old.opinions.alerts() == store.opinions.alerts()
    assert old.outbox.waiting() == 0
    old.close()


def test_silence_ends_windows_by_the_clock(store: Store) -> None:
    posts = stream(2, days=6.5, surge=(6.0, 6.5))
    cut = [one for one in posts if one.timestamp < START + 6.4 * DAY]
    monitor = run(store, cut, plain_reader().read(cut), size=500)
    monitor.tick(START + int(6.4 * DAY) + 2 * HOUR)
    assert monitor.tick(START + int(6.4 * DAY) + 2 * HOUR) == []
    assert len(store.opinions.alerts()) == 1
    monitor.tick(START + 60 * DAY)
    assert store.opinions.alerts()[0].closed is not None, "nobody says anything any more"


@pytest.mark.parametrize(
    ("first", "second", "alerts", "again"),
    [((6.0, 6.6), (6.95, 7.5), 1, 1), ((6.0, 6.4), (7.2, 7.6), 2, None)],
)
def test_a_surge_that_comes_back_opens_the_old_alert_within_the_cool_down(
    tmp_path: Path, first: tuple[float, float], second: tuple[float, float], alerts: int, again: int | None
) -> None:
    more = [
        replace(one, text=f"{SURGE} {distinct(one)}", post_id=f"again {one.post_id}")
        for one in stream(5, days=9, per_day=200)
        if second[0] * DAY <= one.timestamp - START < second[1] * DAY
    ]
    posts = sorted([*stream(4, days=9, surge=first), *more], key=lambda one: one.timestamp)
    store = fresh_store(tmp_path, "again")
    run(store, posts, plain_reader().read(posts), size=300)
    found = store.opinions.alerts()
    assert [(one.series, one.kind) for one in found] == [("all", "tone")] * alerts
    assert found[0].told.get("again") == again
    assert found[0].closed is not None
    store.close()


def test_many_posts_of_no_bad_tone_are_a_volume_alert(store: Store) -> None:
    more = [
        replace(one, text=f"{GOOD[0]} {distinct(one)}", post_id=f"more {one.post_id}")
        for one in stream(6, days=18, per_day=1_000)
        if 16 * DAY <= one.timestamp - START < 16.5 * DAY
    ]
    posts = sorted([*stream(4, days=18), *more], key=lambda one: one.timestamp)
    run(store, posts, plain_reader().read(posts), size=500)
    (alert,) = store.opinions.alerts()
    assert (alert.series, alert.kind) == ("aspect:screen", "volume"), "the narrowest leads"
    assert concerns(alert, "all")
    assert alert.severity == "warning", "many posts, and no complaints"
    assert START + 16 * DAY <= alert.opened <= START + 16.5 * DAY
    assert alert.told["during"]["posts"] > 3 * alert.told["usual_posts"]
    assert alert.told["during"]["share"] < 0.2
    assert subject_of(alert, "en") != subject_of(replace(alert, kind="tone"), "en")


def test_words_of_the_cases_are_read_as_meant() -> None:
    reader = plain_reader()
    for texts, tone in ((GOOD, "positive"), (BAD, "negative"), ((SURGE,), "negative")):
        assert {one.tone for one in reader.read([said(text) for text in texts])} == {tone}
