"""From the store's log of searches to a ranker that serves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from shoplens.apps.search.analytics import SearchFigures
from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.http.wire.searches import figures_json
from shoplens.service.retraining import clicks_of
from shoplens.service.search_learning import (
    KEPT,
    POINTER,
    click_report,
    home,
    learn_from_clicks,
    load_click_order,
    publish,
    serving,
    stamp,
)
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.records import SearchRecord, SearchResponse
from shoplens.store.sql import open_store
from shoplens.testing.planted_searches import START, PlantedShop

DAY = 86_400_000_000
NOW = START + 43 * DAY
FIGURES = SearchFigures(0, 0, 0.0, 0.0, None, 0, 0, (), (), ())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, Settings())


def fill(workspace: Workspace, records: list[SearchRecord], responses: list[SearchResponse]) -> None:
    who = {record.impression_id: record.user_id for record in records}
    batch = EventBatch()
    for one in responses:
        batch.append(
            Event(
                event_type=EventType.CLICK,
                timestamp=one.timestamp,
                user_id=who[one.impression_id],
                item_id=one.item_id,
                impression_id=one.impression_id,
            )
        )
    store = open_store(workspace.database_url)
    store.searches.append(records)
    store.events.append(batch)
    store.close()


def learn(workspace: Workspace) -> str | None:
    store = open_store(workspace.database_url)
    said: list[tuple[str, int, int]] = []
    found = learn_from_clicks(workspace, store, now=NOW, progress=lambda *step: said.append(step))
    store.close()
    assert said[0] == ("read what was searched for", 0, 1)
    assert found.told == found.report.told or "withdrawn" in found.told
    return found.version


def test_a_shop_learns_from_its_clicks_and_withdraws_what_no_longer_helps(workspace: Workspace) -> None:
    assert load_click_order(workspace) is None
    assert stamp(workspace) == 0
    shop = PlantedShop.make(seed=4)
    fill(workspace, *shop.visit(2_000, seed=4))
    version = learn(workspace)
    assert version is not None
    assert serving(workspace) == home(workspace) / version
    ranker = load_click_order(workspace)
    assert ranker is not None
    items = np.argsort(-shop.words[0])[:10]
    features = {"score": shop.scores(0)[items], "words": shop.words[0][items].astype(np.float32)}
    assert ranker.rescore("query 0", [f"i{item}" for item in items], features) is not None
    report = orjson.loads((home(workspace) / version / "report.json").read_bytes())
    assert report["kept"]
    assert report["ours"] > report["theirs"]
    assert click_report(workspace) == {"version": version, **report}
    assert figures_json(FIGURES, 28, click_report(workspace))["click_order"]["ours"] == report["ours"]

    first = stamp(workspace)
    store = open_store(workspace.database_url)
    store.searches.prune(2**62)
    store.close()
    assert learn(workspace) is None
    assert load_click_order(workspace) is not None, "without a log what was learnt goes on"
    right = replace(shop, liking=1 / (1 + np.exp(2.0 - 3 * shop.words)))
    records, responses = right.visit(2_000, seed=5)
    again = {record.impression_id: f"again {record.impression_id}" for record in records}
    fill(
        workspace,
        [replace(record, impression_id=again[record.impression_id]) for record in records],
        [replace(one, impression_id=again[one.impression_id]) for one in responses],
    )
    assert learn(workspace) is None
    assert load_click_order(workspace) is None, "the order without clicks is the right one now"
    assert click_report(workspace) is None
    assert figures_json(FIGURES, 28, None)["click_order"] is None
    assert stamp(workspace) != first


def test_the_schedule_learns_from_clicks_too(workspace: Workspace) -> None:
    store = open_store(workspace.database_url)
    assert clicks_of(workspace, store) == ""
    fill(workspace, *PlantedShop.make(seed=4).visit(20, seed=4))
    assert "are needed" in clicks_of(workspace, store) or "nobody" in clicks_of(workspace, store)
    store.close()


def test_damage_is_told_and_search_goes_on(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    home(workspace).mkdir(parents=True)
    (home(workspace) / POINTER).write_text("not JSON")
    assert load_click_order(workspace) is None
    assert "train again" in caplog.text
    assert click_report(workspace) is None
    (home(workspace) / POINTER).write_text('{"version": "gone"}')
    assert load_click_order(workspace) is None


def test_old_versions_go(workspace: Workspace) -> None:
    from shoplens.learning.click_log import gather
    from shoplens.learning.click_ranking import learn_click_order

    ranker, report = learn_click_order(gather(*PlantedShop.make(seed=4).visit(2_000, seed=4)))
    assert ranker is not None
    names = [publish(home(workspace), ranker, report) for _ in range(KEPT + 2)]
    left = {folder.name for folder in home(workspace).iterdir() if folder.is_dir()}
    assert len(left) == KEPT
    assert names[-1] in left
    assert serving(workspace) == home(workspace) / names[-1]
