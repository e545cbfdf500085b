"""What one event says: one place, configurable, kept in the bundle, and read by requests as by the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoplens.domain.events import EVENT_WEIGHTS, Event, EventBatch, EventType
from shoplens.errors import ConfigurationError
from shoplens.recommend.past import Past
from shoplens.service.bundle import open_bundle, write_bundle
from shoplens.service.dataset import read_interactions, read_log
from shoplens.service.settings import Settings
from shoplens.service.training import train_shop
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_shop import tiny_shop


def test_the_bundle_keeps_the_weights_and_requests_use_them(tmp_path: Path) -> None:
    workspace = Workspace.create(
        tmp_path, train={"models": ["item-knn"], "event_weights": {"view": 0.05, "cart": -0.2}}
    )
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    done = train_shop(workspace, store)
    store.close()
    learned = open_bundle(workspace.bundles / done.version)
    assert learned.event_weights == {**EVENT_WEIGHTS, EventType.VIEW: 0.05, EventType.CART: -0.2}
    events = [
        Event(event_type=kind, timestamp=1, user_id="u", item_id="p001") for kind in (EventType.VIEW, EventType.CART)
    ]
    assert [deed.weight for deed in Past.of(events, weights=learned.event_weights).deeds] == [0.05, -0.2]


def test_a_bundle_from_before_has_the_defaults(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop:  # its bundle says nothing about weights
        assert shop.shelf.event_weights == EVENT_WEIGHTS
        learned = shop.shelf.learned
        assert learned is not None
        written = write_bundle(tmp_path / "other", items=learned.items, models=learned.models, shipped="popularity")
    assert open_bundle(written).event_weights == EVENT_WEIGHTS


def test_training_and_requests_read_the_same_log_alike(tmp_path: Path) -> None:
    weights = {**EVENT_WEIGHTS, EventType.VIEW: 0.0, EventType.REFUND: -0.4, EventType.RATING: 0.8}
    kinds = [("view", None), ("refund", None), ("rating", 5.0), ("rating", 3.0), ("rating", 1.0), ("purchase", None)]
    events = [
        Event(event_type=EventType(kind), timestamp=1_000_000 * (place + 1), user_id="u", item_id="a", value=value)
        for place, (kind, value) in enumerate(kinds)
    ]
    store = open_store(f"sqlite:///{tmp_path / 'shop.sqlite'}")
    batch = EventBatch()
    for event in events:
        batch.append(event)
    store.events.append(batch)
    interactions, _ = read_interactions(store, weights)
    requested = [deed.weight for deed in Past.of(events, weights=weights).deeds if deed.weight]
    assert np.allclose(interactions.weight, requested)
    assert np.allclose(interactions.weight, [-0.4, 0.8, -0.8, 1.0])
    log, _ = read_log(store, weights)
    assert EventType.VIEW not in log.kinds()
    assert len(log.before(int(log.timestamp.max()))) == len(log) - 1
    store.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train.event_weights]\nlook = 0.1\n", "no event type 'look'; the types are view"),
        ("[train.event_weights]\nview = 3\n", "view is 3.0; write a number from -1 to 1"),
        ("[train]\nhalf_life_days = 0\n", "half_life_days"),
        ("[train]\nepochs = 3\n", "no setting train.epochs; the tables of models are popularity"),
        ("[train]\nfusion = 3\n", r"\[train.fusion\]"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "shoplens.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        Settings.read(file)


def test_a_wrong_model_setting_is_refused_before_the_store_is_read(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, train={"fusion": {"epoch": 3}})
    store = open_store(workspace.database_url)
    with pytest.raises(ConfigurationError, match=r"\[train.fusion\] has no setting 'epoch'"):
        train_shop(workspace, store)
    store.close()
