"""What a scenario says holds beside one product and beside the cart, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.domain.experiments import Arm, Experiment
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.cart_shop import open_cart_shop
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_shop import CATEGORIES

TEN = {"field": "item_id", "in": [f"p{number:03}" for number in range(10)]}
SCENARIOS: dict[str, Any] = {
    "product": {"rules": {"hide": TEN, "min_stock": 3}},
    "pinning": {"rules": {"pin": ["p030", "p001"]}},
    "open": {},
    "once": {"n": 5, "rules": {"cap": {"times": 1, "days": 7}}},
    "narrow": {"rules": {"per_brand": 1, "price_band": [0.9, 1.1]}},
    "varied": {"diversity": 1.0},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), settings={"scenario": SCENARIOS}) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


def like(client: TestClient, item_id: str, **body: Any) -> list[str]:
    answer = client.post("/v1/similar", json={"item_id": item_id, **body})
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "content"
    return [one["item_id"] for one in answer.json()["items"]]


def kinds(names: list[str]) -> set[str]:
    return {list(CATEGORIES)[int(name[1:]) % len(CATEGORIES)] for name in names}


def test_what_is_hidden_is_not_like_anything(client: TestClient) -> None:
    assert set(like(client, "p001", n=50, scenario="open")) & set(TEN["in"])
    assert not set(like(client, "p001", n=50)) & set(TEN["in"])
    kept = {name: one for name, one in client.get("/v1/products/p021").json().items() if one is not None}
    del kept["item_id"], kept["stub"]
    assert "p021" in like(client, "p001", n=50)
    assert client.put("/v1/products/p021", json={**kept, "stock": 2}).status_code == 200
    assert "p021" not in like(client, "p001", n=50)
    assert client.post("/v1/similar", json={"item_id": "p001", "scenario": "opne"}).status_code == 422


def test_pins_caps_limits_and_bands(client: TestClient) -> None:
    assert like(client, "p001", scenario="pinning")[0] == "p030", "p001 itself is not like itself"
    first, second = (set(like(client, "p002", scenario="once", user_id="capped")) for _ in range(2))
    assert len(first) == len(second) == 5
    assert not first & second
    narrow = like(client, "p010", scenario="narrow", n=5)
    assert len({int(name[1:]) % 7 for name in narrow}) == len(narrow) > 1
    assert all(abs(int(name[1:]) % 40 + 1.99 - 11.99) <= 1.2 for name in narrow)


def test_boosts_and_diversity_are_felt(client: TestClient, shop: Runtime) -> None:
    plain = like(client, "p011", n=5)
    assert len(kinds(plain)) == 1
    lifted = {"filter": {"field": "item_id", "eq": "p079"}, "by": 10}
    assert like(client, "p011", n=5, boost=[lifted])[0] == "p079"
    assert len(kinds(like(client, "p011", n=5, diversity=1.0))) > 1
    assert len(kinds(like(client, "p011", n=5, scenario="varied"))) > 1
    arms = (Arm("plain", 1e-6), Arm("varied", 1 - 1e-6, diversity=1.0))
    shop.start_experiment(Experiment("variety", arms))
    try:
        assert len(kinds(like(client, "p011", n=5, user_id="u001"))) > 1
    finally:
        shop.stop_experiment("variety")


def test_a_cart_follows_its_scenario(tmp_path: Path) -> None:
    hide = {"field": "item_id", "eq": "butter"}
    scenarios = {
        "cart": {"rules": {"hide": hide, "pin": ["vase"]}},
        "open": {},
        "once": {"n": 2, "rules": {"cap": {"times": 1, "days": 7}}},
    }
    with open_cart_shop(tmp_path, now=int(time.time() * 1e6), settings={"scenario": scenarios}) as shop:
        client = TestClient(create_app(shop))

        def complete(**body: Any) -> dict[str, Any]:
            answer = client.post("/v1/cart", json={"items": ["bread"], **body})
            assert answer.status_code == 200, answer.text
            return answer.json()  # type: ignore[no-any-return]

        def ids(answer: dict[str, Any]) -> list[str]:
            return [one["item_id"] for one in answer["items"]]

        hidden = complete()
        assert ids(hidden)[0] == "vase"
        assert "butter" not in {*ids(hidden), *(name for one in hidden["bundles"] for name in one["item_ids"])}
        assert ids(complete(scenario="open"))[0] == "butter"
        first, second = (ids(complete(scenario="once", user_id="ann")) for _ in range(2))
        assert not set(first) & set(second)
        assert len(first) == len(second) == 2
        last = [complete(scenario="once", user_id="ann") for _ in range(5)][-1]
        assert last["fallback"] == "shown_again"
        assert complete(scenario="open", user_id="ann", items=[])["items"][0]["item_id"] == "milk"
