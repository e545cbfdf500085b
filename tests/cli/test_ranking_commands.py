"""`recommend`, `similar` and `cart` answer as HTTP does, and write nothing down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.cli import cart as _cart  # noqa: F401 - each registers its command
from shoplens.cli import recommend as _recommend  # noqa: F401
from shoplens.cli import similar as _similar  # noqa: F401
from shoplens.cli.app import app
from shoplens.domain.experiments import Arm, Experiment
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop

TEA = '{"field": "category", "eq": "shop > tea"}'
HIDE = '[scenario.product.rules]\nhide = { field = "item_id", eq = "p005" }\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("shop")
    open_tiny_shop(folder).close()
    file = folder / "shoplens.toml"
    file.write_text(f"{file.read_text() if file.exists() else ''}\n{HIDE}")
    with Runtime.open(folder) as shop:
        yield shop


def run(shop: Runtime, *words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words, "-w", str(shop.workspace.root), "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in answer["items"]]


def over_http(shop: Runtime, path: str, **body: Any) -> list[str]:
    answer = TestClient(create_app(shop)).post(path, json=body)
    assert answer.status_code == 200, answer.text
    return ids(answer.json())


def test_they_answer_as_http_does(shop: Runtime) -> None:
    filtered = ("--filter", TEA, "--exclude", "p004", "--repeat", "-n", "5")
    boost = '{"filter": {"field": "item_id", "eq": "p079"}, "by": 10}'
    tea = {"filter": json.loads(TEA), "exclude": ["p004"], "n": 5}
    assert ids(run(shop, "recommend", "u001", *filtered)) == over_http(
        shop, "/v1/recommend", user_id="u001", repeat=True, **tea
    )
    assert ids(run(shop, "recommend", "u001", "--boost", boost, "--repeat"))[0] == "p079"
    assert ids(run(shop, "similar", "p001", "--boost", boost))[0] == "p079"
    assert ids(run(shop, "similar", "p001", "-n", "50")) == over_http(shop, "/v1/similar", item_id="p001", n=50)
    assert "p005" not in ids(run(shop, "similar", "p001", "-n", "50"))
    assert ids(run(shop, "cart", "p001", *filtered[:4])) == over_http(
        shop, "/v1/cart", items=["p001"], filter=json.loads(TEA), exclude=["p004"]
    )


def test_guests_and_anybody_may_ask(shop: Runtime) -> None:
    assert run(shop, "recommend")["fallback"] == "cold_start"
    assert run(shop, "recommend", "--session", "nobody")["user_id"] is None


def test_what_is_unknown_is_named(shop: Runtime) -> None:
    assert "nothing-such" in run(shop, "recommend", "u001", "--cart", "nothing-such")["note"]
    assert "nothing-such" in run(shop, "cart", "p001", "nothing-such")["note"]


def test_caps_and_experiments_are_felt_and_nothing_is_written(shop: Runtime, tmp_path: Path) -> None:
    before = shop.store.impressions.count()
    first = run(shop, "recommend", "u007", "--scenario", "email", "-n", "5")
    assert ids(run(shop, "recommend", "u007", "--scenario", "email", "-n", "5")) == ids(first)
    assert shop.store.impressions.count() == before
    shop.answers.recommend(shop.wish("email", n=5), "u007")
    assert shop.answers.log is not None
    assert shop.answers.log.flush()
    assert not set(ids(run(shop, "recommend", "u007", "--scenario", "email", "-n", "5"))) & set(ids(first))
    plain = ids(run(shop, "similar", "p011", "--user", "u001"))
    shop.start_experiment(Experiment("variety", (Arm("plain", 1e-6), Arm("varied", 1 - 1e-6, diversity=1.0))))
    assert ids(run(shop, "similar", "p011", "--user", "u001")) != plain
    shop.stop_experiment("variety")


@pytest.mark.parametrize("words", [("--boost", "{}"), ("--filter", "no json"), ("--session", " ")])
def test_wrong_usage_is_said(shop: Runtime, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["recommend", "u001", *words, "-w", str(shop.workspace.root)])
    assert result.exit_code == 2
