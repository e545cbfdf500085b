"""A bundle is judged by answers of another one, before anybody sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.cli import experiments as experiments_commands  # noqa: F401 - adds the commands
from shoplens.cli.app import app
from shoplens.domain.events import Event, EventType
from shoplens.errors import InputError, NotFoundError
from shoplens.http.app import create_app
from shoplens.service.replay import replay
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop, train_tiny_shop

TEA = {"field": "category", "eq": "shop > tea"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Answers with many places left to chance; people click what is of the same category as p001."""
    settings = {"schedule": {"settle_minutes": 1e-6}}
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), settings=settings) as shop:
        random = np.random.default_rng(0)
        for number in range(400):
            user = f"u{number % 60:03}"
            shown = shop.answers.recommend(shop.wish(n=2, exploration=0.5), user)
            clicked = [one.item_id for one in shown.answer.items if random.random() < (int(one.item_id[1:]) % 4 == 1)]
            now = int(time.time() * 1e6)
            shop.append_events(
                Event(
                    event_type=EventType.CLICK,
                    timestamp=now,
                    session_id=f"click-{number}",
                    item_id=item,
                    impression_id=shown.impression_id,
                )
                for item in clicked
            )
        shop.answers.recommend(shop.wish(n=2), "u001")
        yield shop


def test_the_bundle_that_answered_is_worth_what_it_earned(shop: Runtime) -> None:
    assert shop.shelf.version is not None
    found = shop.bundles.replay(shop.shelf.version, places=2)
    told = found.found
    assert told.answers == 400
    assert told.people == 60
    assert found.left_out == {"nothing was left to chance": 1}
    assert told.refused is None
    assert told.covered == pytest.approx(1.0, abs=0.02)
    assert told.ips.value == pytest.approx(told.logged.value, abs=0.02)
    assert told.logged.low < told.logged.value < told.logged.high


def test_over_http_and_at_the_terminal(shop: Runtime) -> None:
    version = shop.shelf.version
    with TestClient(create_app(shop)) as client:
        answer = client.post(f"/v1/bundles/{version}/replay", json={"places": 1, "reward": "purchase"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["found"]["logged"]["value"] == 0.0
        assert client.post("/v1/bundles/nothing/replay", json={}).status_code == 404
        by_default = client.post(f"/v1/bundles/{version}/replay")
        assert by_default.status_code == 200
        assert by_default.json() == client.post(f"/v1/bundles/{version}/replay", json={}).json()
        assert client.post(f"/v1/bundles/{version}/replay", json={"reward": "love"}).status_code == 422
    (shop.workspace.root / "shoplens.toml").write_text("[schedule]\nsettle_minutes = 1e-6\n", encoding="utf-8")
    command = ["experiments", "replay", "--bundle", str(version), "-w", str(shop.workspace.root)]
    told = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    assert json.loads(told.stdout)["found"]["answers"] == 400
    assert "clicks an answer" in CliRunner().invoke(app, command, catch_exceptions=False).stdout


def test_what_the_bundle_has_learnt_from_does_not_judge_it(shop: Runtime) -> None:
    with pytest.raises(InputError, match="exploration"):
        replay(shop.store, shop.shelf, since=int(time.time() * 1e6))
    with pytest.raises(InputError, match="no reward"):
        replay(shop.store, shop.shelf, since=0, reward="love")
    with pytest.raises(NotFoundError):
        shop.bundles.replay("nothing")


def test_another_bundle_is_compared(shop: Runtime) -> None:
    other = train_tiny_shop(shop.store, shop.workspace.bundles, content=False, seed=4)
    found = shop.bundles.replay(other, places=1)
    assert found.bundle == other
    assert np.isfinite(found.found.gain.value)
