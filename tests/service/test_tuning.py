"""Tuning a shop: the test period stays out of it, what is found can be applied, and PostgreSQL can keep the study."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
import sqlalchemy

from shoplens.domain.events import EVENT_WEIGHTS, EventType, event_weights
from shoplens.errors import ConfigurationError
from shoplens.learning.tune import Tuned
from shoplens.learning.tune.study import SCHEMA, prepare
from shoplens.service.dataset import read_log
from shoplens.service.training import train_shop
from shoplens.service.training_events import cut
from shoplens.service.tuning import ShopWeighing, tune_shop
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import TinyShop, tiny_shop

MODELS = ["popularity", "item-knn"]


def shop(root: Path, goods: TinyShop, **settings: object) -> Workspace:
    workspace = Workspace.create(root, train={"models": MODELS, "test_days": 10, "valid_days": 10, **settings})
    store = open_store(workspace.database_url)
    goods.fill(store)
    store.close()
    return workspace


def search(workspace: Workspace, trials: int = 4, **options: object) -> Tuned:
    store = open_store(workspace.database_url)
    try:
        return tune_shop(workspace, store, trials=trials, **options)  # type: ignore[arg-type]
    finally:
        store.close()


def test_the_test_period_changes_nothing(tmp_path: Path) -> None:
    """Other purchases in the test period, the same number of days: the very same trials, with the very same figures."""
    goods = tiny_shop()
    last = max(event.timestamp for event in goods.events)
    test_begins = (last // 86_400_000_000 + 1 - 10) * 86_400_000_000
    others = [
        event if event.timestamp < test_begins or event.timestamp == last else replace(event, item_id="p003")
        for event in goods.events
    ]
    assert len({event.item_id for event in others[-50:]}) < 5
    found = []
    for name, log in (("as it was", goods.events), ("changed", tuple(others))):
        workspace = shop(tmp_path / name, TinyShop(goods.products, goods.people, log))
        found.append(search(workspace, trials=2))
    one, other = (json.loads((tuned.folder / "trials.json").read_text()) for tuned in found)
    for row in (*one, *other):
        del row["seconds"]
    assert one == other
    assert found[0].study == found[1].study


def test_what_is_applied_is_what_train_uses_next(tmp_path: Path) -> None:
    workspace = shop(tmp_path, tiny_shop(), event_weights={"cart": 0.6})
    file = tmp_path / "shoplens.toml"
    file.write_text(file.read_text() + "\n[server]\nport = 9123  # ours\n")
    workspace = Workspace.open(tmp_path)
    found = search(workspace, trials=6, models=("item-knn",), apply=True)
    assert found.improved
    assert tomllib.loads(file.read_text())["server"] == {"port": 9123}
    assert "# ours" in (tmp_path / "shoplens.toml.before-tune").read_text()
    train = Workspace.open(tmp_path).settings.train
    assert (train.half_life_days, train.event_weights) == (
        found.setup.half_life_days,
        {"cart": 0.6, **found.setup.event_weights},
    )
    assert train.tables == dict(found.setup.tables)
    assert train.models == tuple(MODELS)
    store = open_store(workspace.database_url)
    done = train_shop(Workspace.open(tmp_path), store)
    store.close()
    assert done.valid["blend"].means["ndcg@20"] > 0


def test_weighing_anew_asks_the_same_question(tmp_path: Path) -> None:
    workspace = shop(tmp_path, tiny_shop())
    store = open_store(workspace.database_url)
    log, _ = read_log(store)
    store.close()
    split, _ = cut(log.weighed(), workspace.settings.train)
    assert split.valid_cut is not None
    known = np.ones(len(log.items), np.bool_)
    weighing = ShopWeighing(log.before(split.valid_cut), known, split.train, split.valid, split.valid_cut, repeat=False)
    assert set(weighing.kinds()) == {EventType.VIEW, EventType.CART, EventType.PURCHASE}
    before = split.valid_holdout()
    same, again = weighing(EVENT_WEIGHTS)
    assert np.array_equal(same.weight, split.train.weight)
    assert np.array_equal(again.histories.weight, before.histories.weight)
    _, other = weighing(event_weights({"view": 0.05}))
    assert np.array_equal(other.truth_item, before.truth_item)
    assert np.array_equal(other.mask_item, before.mask_item)
    assert np.array_equal(other.user, before.user)
    assert not np.array_equal(other.histories.weight, before.histories.weight)


def test_a_merge_that_is_not_valid_changes_nothing(tmp_path: Path) -> None:
    workspace = shop(tmp_path, tiny_shop(10, 5, 10))
    before = (tmp_path / "shoplens.toml").read_text()
    with pytest.raises(ConfigurationError, match="half_life_days"):
        workspace.merge({"train": {"half_life_days": -1.0}})
    assert (tmp_path / "shoplens.toml").read_text() == before
    assert not (tmp_path / "shoplens.toml.part").exists()


def test_a_study_beside_the_shop_in_postgresql(tmp_path: Path, postgres: str) -> None:
    """Both keep a table alembic_version; in a schema of its own the study does not disturb the shop's."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE tuned")
    url = postgres.replace("/postgres?", "/tuned?").replace("postgresql://", "postgresql+psycopg://")
    workspace = Workspace.create(tmp_path, database_url=url, train={"models": MODELS})
    store = open_store(url)
    tiny_shop().fill(store)
    store.close()
    found = search(workspace, trials=2, models=("item-knn",))
    again = search(workspace, trials=3, models=("item-knn",))
    assert (found.trials, again.trials) == (2, 3)  # gone on with
    assert found.study == again.study
    assert not (workspace.runs / "tune.sqlite").exists()
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    assert "trials" in inspector.get_table_names(SCHEMA)
    assert "studies" not in inspector.get_table_names("public")
    engine.dispose()
    open_store(url).close()  # the shop's own schema is as it was
    assert SCHEMA in prepare(url)
