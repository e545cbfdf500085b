"""The sample shop's made-up opinions: the same from the same seed, about what is bought, with one alert to look at."""

from __future__ import annotations

from pathlib import Path

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.opinions import OpinionService
from shoplens.service.sample_support.opinions import DAY, POSTS, SOURCE, SURGE, add_sample_opinions, sample_posts
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

END = 1_500_000_000_000_000


def test_they_come_from_their_seed() -> None:
    posts = sample_posts(["a", "b"], END)
    assert posts == sample_posts(["a", "b"], END)
    assert posts != sample_posts(["a", "b"], END, seed=1)
    assert len(posts) == POSTS + SURGE
    assert {one.source for one in posts} == {SOURCE}
    times = [one.timestamp for one in posts]
    assert times == sorted(times)
    assert times[0] > END - 43 * DAY
    assert times[-1] <= END


def test_a_shop_shows_an_alert_about_what_leaks(tmp_path: Path) -> None:
    workspace = Workspace.create(
        tmp_path / "shop", encoders={"text": "off"}, opinions={"vectors": False, "window_minutes": 60}
    )
    store = open_store(workspace.database_url)
    batch = EventBatch()
    for number in range(6):
        item = "milk" if number < 4 else f"p{number}"
        event = Event(event_type=EventType.PURCHASE, timestamp=END - number, user_id=f"u{number}", item_id=item)
        batch.append(event)
    store.catalogue.upsert([Product(item_id="milk", title="Milk")])
    store.events.append(batch)
    service = OpinionService(workspace, store, CatalogueFacts())
    did = add_sample_opinions(service, store)
    assert did["posts"] == POSTS + SURGE
    assert did["alerts"] >= 1
    (alert,) = store.opinions.alerts()[:1]
    assert {alert.series, *alert.told["also"]} & {"product:milk", "aspect:packaging", "topic:packaging"}
    assert add_sample_opinions(service, store) == {"posts": 0, "alerts": 0}, "once is enough"
    store.close()
