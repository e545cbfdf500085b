"""How bad an alert is, who is told when it gets worse, and when nobody is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opinion_cases import START, fresh_store

from shoplens.apps.opinions.alerting import HOUR, Alerting, AlertSettings, severity_of
from shoplens.apps.opinions.surges import Surge
from shoplens.domain.opinions import Count
from shoplens.store.base import Store

WINDOW = HOUR


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = fresh_store(tmp_path)
    yield one
    one.close()


def surge(kind: str = "tone", *, over: bool = False, at: int = 0) -> Surge:
    """In the shop's series, with a tenth of 10 posts an hour usually negative."""
    return Surge("all", kind, over, START + at, 0.1, 10.0, 12.0, WINDOW)


def window(store: Store, alerting: Alerting, hour: int, count: Count, *surges: Surge) -> None:
    """One window is counted and judged."""
    with store.opinions.turn() as turn:
        turn.count({("all", START + hour * HOUR): count})
        end = START + (hour + 1) * HOUR
        alerting.take(turn, surges, end, end)


def messages(store: Store) -> list[str]:
    """Occasions of what waits to be sent."""
    return sorted(one.occasion for one in store.outbox.claim(2**60, 1, 99))


@pytest.mark.parametrize(
    ("kind", "posts", "negative", "usual", "severity"),
    [
        ("tone", 12, 3, 10, "info"),  # 0.15 more, but 2 posts
        ("tone", 40, 14, 10, "warning"),
        ("tone", 400, 60, 10, "info"),  # many posts, and no more of them
        ("tone", 40, 32, 10, "warning"),  # 28 too many
        ("tone", 100, 80, 10, "critical"),
        ("volume", 25, 0, 10, "info"),
        ("volume", 30, 0, 10, "warning"),
        ("volume", 90, 10, 10, "warning"),  # all of them happy
        ("volume", 90, 60, 10, "critical"),
    ],
)
def test_severity_by_share_and_number(kind: str, posts: int, negative: int, usual: float, severity: str) -> None:
    during = {"posts": posts, "negative": negative, "share": negative / posts}
    assert severity_of(kind, {"during": during, "usual_share": 0.1, "usual_posts": usual}) == severity


def test_an_alert_that_gets_worse_is_told_again(store: Store) -> None:
    alerting = Alerting(AlertSettings())
    window(store, alerting, 0, Count(12, 4, 0, 12), surge())
    window(store, alerting, 1, Count(12, 4, 0, 12))
    assert [one.severity for one in store.opinions.alerts()] == ["info"]
    window(store, alerting, 2, Count(100, 90, 0, 100))
    assert [one.severity for one in store.opinions.alerts()] == ["critical"]
    assert messages(store) == ["critical", "opened"]


def test_what_somebody_looks_after_is_not_told_again(store: Store) -> None:
    alerting = Alerting(AlertSettings())
    window(store, alerting, 0, Count(12, 4, 0, 12), surge())
    (alert,) = store.opinions.alerts()
    seen = store.opinions.acknowledge(alert.alert_id, now=START + HOUR, by="ann", note="calls the carrier")
    assert seen is not None
    window(store, alerting, 1, Count(100, 90, 0, 100))
    (worse,) = store.opinions.alerts()
    assert (worse.severity, worse.acknowledged_by, worse.note) == ("critical", "ann", "calls the carrier")
    assert messages(store) == ["opened"]


def test_within_the_cool_down_it_is_the_same_alert_without_a_message(store: Store) -> None:
    alerting = Alerting(AlertSettings(cooldown_hours=12.0))
    bad = Count(20, 12, 0, 20)
    window(store, alerting, 0, bad, surge())
    window(store, alerting, 1, Count(10, 1, 0, 10), surge(over=True))
    (closed,) = store.opinions.alerts()
    assert closed.closed == START + 2 * HOUR
    window(store, alerting, 10, bad, surge(at=10 * HOUR))
    (again,) = store.opinions.alerts()
    assert (again.alert_id, again.closed, again.told["again"]) == (closed.alert_id, None, 1)
    assert messages(store) == ["opened"]
    window(store, alerting, 11, Count(10, 1, 0, 10), surge(over=True))
    window(store, alerting, 24, bad, surge(at=24 * HOUR))
    assert len({one.alert_id for one in store.opinions.alerts()}) == 2, "12 hours later it is news"
