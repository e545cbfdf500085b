"""The main promise: what somebody does is felt in the very next answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_shop import CATEGORIES


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with open_tiny_shop(tmp_path_factory.mktemp("shop")) as shop, TestClient(create_app(shop)) as client:
        yield client


def ask(client: TestClient, path: str = "/v1/recommend", **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in answer["items"]]


def category(item_id: str) -> str:
    return list(CATEGORIES)[int(item_id[1:]) % len(CATEGORIES)]


@pytest.mark.parametrize("who", [{"user_id": "new-person"}, {"session_id": "guest-1"}, {"user_id": "顾客一"}])
def test_an_event_is_felt_in_the_next_answer(client: TestClient, who: dict[str, str]) -> None:
    before = ask(client, **who)
    assert before["fallback"] == "cold_start"
    assert before["note"]
    event = {**who, "event_type": "purchase", "item_id": "p001", "impression_id": before["impression_id"]}
    assert client.post("/v1/events", json=event).json() == {"stored": 1, "duplicates": 0}
    after = ask(client, **who)
    assert after["fallback"] is None
    assert after["model"] == "item-knn"
    assert ids(after) != ids(before)
    assert "p001" not in ids(after)
    assert category(ids(after)[0]) == "tools"


def test_a_guest_who_logs_in_keeps_the_session(client: TestClient) -> None:
    client.post("/v1/events", json={"session_id": "g9", "event_type": "cart", "item_id": "p002"})
    alone = ask(client, user_id="just-registered")
    both = ask(client, user_id="just-registered", session_id="g9")
    assert alone["fallback"] == "cold_start"
    assert both["fallback"] is None
    assert category(ids(both)[0]) == "toys"


def test_a_known_person_is_offered_what_they_like(client: TestClient) -> None:
    answer = ask(client, user_id="u004", n=5)
    assert sum(category(one) == "tea" for one in ids(answer)) >= 3
    assert len(answer["impression_id"]) == 24
    scores = [one["score"] for one in answer["items"]]
    assert scores == sorted(scores, reverse=True)


def test_nothing_that_cannot_be_ordered(client: TestClient) -> None:
    everything = ids(ask(client, user_id="u001", n=1000, repeat=True))
    assert len(everything) == 76  # of 80, four are out of stock
    assert not {"p018", "p037", "p056", "p075"} & set(everything)


def test_filters(client: TestClient) -> None:
    found = ids(ask(client, user_id="u001", n=1000, filter={"field": "category", "eq": "Shop > Garden"}))
    assert found
    assert {category(one) for one in found} == {"garden"}
    combined = {
        "and": [
            {"field": "brand", "in": ["brand 1", "Brand 2"]},
            {"not": {"field": "category", "eq": ["shop", "tea"]}},
            {"or": [{"field": "price", "range": {"gte": 10, "lt": 20}}, {"field": "availability", "eq": "preorder"}]},
        ]
    }
    for item in ids(ask(client, user_id="u001", n=1000, repeat=True, filter=combined)):
        number = int(item[1:])
        assert number % 7 in (1, 2)
        assert category(item) != "tea"
        assert 10 <= number % 40 + 1.99 < 20
    nothing = ask(client, user_id="u001", filter={"field": "brand", "eq": "nobody"})
    assert nothing["items"] == []
    assert nothing["note"]


def test_exclude_boost_diversity(client: TestClient) -> None:
    plain = ids(ask(client, user_id="u001", n=8))
    without = ids(ask(client, user_id="u001", n=8, exclude=plain[:2]))
    assert without[:6] == plain[2:]
    garden = {"field": "category", "eq": "shop > garden"}
    lifted = ids(ask(client, user_id="u001", n=8, boost=[{"filter": garden, "by": 10}]))
    assert {category(one) for one in lifted} == {"garden"}
    varied = ids(ask(client, user_id="u001", n=8, diversity=0.9))
    assert varied[0] == plain[0]
    assert len({category(one) for one in varied}) > len({category(one) for one in plain})


def test_explain(client: TestClient) -> None:
    client.post("/v1/events", json={"user_id": "curious", "event_type": "purchase", "item_id": "p001"})
    first = ask(client, user_id="curious", explain=True)["items"][0]
    assert first["reasons"][0] == "because you bought hammer 1"
    assert "reasons" not in ask(client, user_id="curious")["items"][0]


def test_similar(client: TestClient) -> None:
    answer = ask(client, "/v1/similar", item_id="p003", n=6, explain=True)
    assert answer["model"] == "content"
    assert "p003" not in ids(answer)
    assert {category(one) for one in ids(answer)} == {"garden"}
    assert answer["items"][0]["reasons"] == ["similar to rake 3"]
    cheap = {"field": "price", "range": {"lt": 15}}
    for item in ids(ask(client, "/v1/similar", item_id="p003", filter=cheap)):
        assert int(item[1:]) % 40 + 1.99 < 15


def test_a_product_of_this_moment(client: TestClient) -> None:
    body = {"title": "蓝色耙子", "category": "shop > garden", "brand": "Brand 3", "price": "9.90", "currency": "EUR"}
    assert client.put("/v1/products/新品-1", json=body).json()["price"] == "9.90"
    garden = {"field": "category", "eq": "shop > garden"}
    found = ask(client, user_id="u003", n=1000, filter=garden, explain=True)
    mine = next(one for one in found["items"] if one["item_id"] == "新品-1")
    assert "new here" in mine["reasons"]
    assert ask(client, "/v1/similar", item_id="新品-1")["items"]
    client.post("/v1/events", json={"session_id": "fan", "event_type": "cart", "item_id": "新品-1"})
    assert category(ids(ask(client, session_id="fan"))[0]) == "garden"
    assert client.delete("/v1/products/新品-1").status_code == 204
    assert "新品-1" not in ids(ask(client, user_id="u003", n=1000, filter=garden))


def test_price_and_stock_are_never_stale(client: TestClient) -> None:
    product = client.get("/v1/products/p005").json()
    del product["item_id"], product["stub"]
    cheap = {"field": "price", "range": {"lt": 1}}
    assert ids(ask(client, user_id="u001", filter=cheap)) == []
    client.put("/v1/products/p005", json={**product, "sale_price": "0.50"})
    assert ids(ask(client, user_id="u002", filter=cheap, repeat=True)) == ["p005"]
    client.put("/v1/products/p005", json={**product, "sale_price": "0.50", "availability": "out_of_stock"})
    assert ids(ask(client, user_id="u002", filter=cheap, repeat=True)) == []
    client.put("/v1/products/p005", json=product)


def test_a_shop_without_a_bundle_says_so(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop, TestClient(create_app(shop)) as client:
        answer = ask(client, user_id="u001")
        assert answer["fallback"] == "no_bundle"
        assert answer["bundle"] is None
        assert len(answer["items"]) == 10
        assert ask(client, "/v1/similar", item_id="p001")["items"]
        assert client.get("/health/ready").json()["status"] == "ready"


def test_an_empty_shop_answers(tmp_path: Path) -> None:
    from shoplens.service.runtime import Runtime
    from shoplens.service.workspace import Workspace

    Workspace.create(tmp_path / "empty")
    with Runtime.open(tmp_path / "empty") as shop, TestClient(create_app(shop)) as client:
        assert ask(client)["items"] == []
        assert client.post("/v1/similar", json={"item_id": "x"}).status_code == 404
        client.post("/v1/events", json={"session_id": "s", "event_type": "view", "item_id": "first-ever"})
        assert ids(ask(client)) == ["first-ever"]


def test_messages_in_chinese(tmp_path: Path) -> None:
    shop = open_tiny_shop(tmp_path, settings={"language": "zh"})
    with shop, TestClient(create_app(shop)) as client:
        assert "热门" in ask(client, user_id="nobody")["note"]
