"""Search as a client meets it: fresh, paged, personal, counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, tiny_parts

FRESH = 1.0  # seconds within which a change is found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with tiny_parts(), open_tiny_shop(tmp_path_factory.mktemp("shop"), settings={"encoders": TINY}) as shop:
        shop.follow_trends()  # else a thread does some time later, and what is popular moves between two pages
        shop.watch()
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        search(client)  # everything is indexed
        yield client


def search(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def ids(found: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in found["items"]]


def prices(found: dict[str, Any]) -> list[float]:
    return [int(one[1:]) % 40 + 1.99 for one in ids(found)]


def eventually(client: TestClient, item: str, *, there: bool, **body: Any) -> float:
    """Seconds until a search finds a product, or no longer does."""
    began = time.monotonic()
    while (item in ids(search(client, **body))) != there:
        assert time.monotonic() - began < FRESH, f"{item}: {'not found' if there else 'still found'}"
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_change_is_found_within_a_second(client: TestClient) -> None:
    body = {"title": "Zinc candelabrum", "price": "7.50", "currency": "EUR"}
    client.put("/v1/products/fresh-1", json=body)
    eventually(client, "fresh-1", there=True, text="candelabrum")
    eventually(client, "fresh-1", there=True, text="fresh 1")
    client.put("/v1/products/fresh-1", json={**body, "title": "Zinc chandelier"})
    eventually(client, "fresh-1", there=True, text="chandelier")
    eventually(client, "fresh-1", there=False, text='"candelabrum"', typos=False)
    cheap = {"field": "price", "range": {"lt": 5}}
    assert "fresh-1" not in ids(search(client, text="chandelier", filter=cheap))
    client.put("/v1/products/fresh-1", json={**body, "title": "Zinc chandelier", "sale_price": "4"})
    assert ids(search(client, text="chandelier", filter=cheap)) == ["fresh-1"], "prices are never stale"
    client.put("/v1/products/fresh-1", json={**body, "title": "Zinc chandelier", "availability": "out_of_stock"})
    assert "fresh-1" not in ids(search(client, text="chandelier")), "nor is the stock"
    assert "fresh-1" in ids(search(client, text="chandelier", unavailable=True))
    client.delete("/v1/products/fresh-1")
    assert "fresh-1" not in ids(search(client, text="chandelier", unavailable=True))


def test_pages_hold_everything_once(client: TestClient, shop: Runtime) -> None:
    shop.search.index.words.sync()  # what tests before changed: how rare words are moves scores, too
    whole = ids(search(client, text="tea", n=100, understand=False))
    by_page = [one for page in range(1, 9) for one in ids(search(client, text="tea", n=7, page=page, understand=False))]
    assert by_page == whole
    cursor, walked = None, list[str]()
    while True:
        found = search(client, text="tea", n=7, understand=False, **({"cursor": cursor} if cursor else {}))
        walked += ids(found)
        cursor = found["cursor"]
        if cursor is None:
            break
    assert walked == whole
    beyond = search(client, text="tea", page=10_000)
    assert (beyond["items"], beyond["cursor"]) == ([], None)
    wrong = client.post("/v1/search", json={"text": "tea", "cursor": "nonsense"})
    assert wrong.status_code == 422
    assert "cursor" in wrong.json()["detail"]


def test_facets_filters_and_order(client: TestClient) -> None:
    found = search(client, facets=["category", "brand", "price"], filter={"field": "brand", "eq": "brand 3"}, n=100)
    brand = next(one for one in found["facets"] if one["field"] == "brand")
    assert len(brand["values"]) == 7, "as if the brand were not chosen"
    assert [one["label"] for one in brand["values"] if one["selected"]] == ["Brand 3"]
    (price,) = (one for one in found["facets"] if one["kind"] == "numbers")
    assert sum(price["bins"]) == found["total"]
    for value in brand["values"]:
        chosen = {"field": "brand", "eq": value["value"]}
        assert search(client, filter=chosen)["total"] == value["count"]
    cheap = search(client, text="tea", sort=["price"], n=3, understand=False)
    dear = search(client, text="tea", sort=["price:desc"], n=100, understand=False)
    assert prices(cheap) == prices(dear)[::-1][:3]


def test_what_was_understood_can_be_sent_back(client: TestClient) -> None:
    found = search(client, text="tea under 10 euro", n=100)
    (price,) = (one for one in found["understood"] if one["field"] == "price")
    assert price["strict"]
    assert set(ids(found)) <= set(ids(search(client, filter=price["filter"], n=1_000)))
    without = search(client, text="tea under 10 euro", n=100, drop=[price["id"]])
    assert price["id"] not in {one["id"] for one in without["understood"]}
    assert without["total"] > found["total"]


def test_people_are_answered_by_their_taste(client: TestClient) -> None:
    for item in ("p001", "p005", "p009"):
        client.post("/v1/events", json={"user_id": "builder", "event_type": "purchase", "item_id": item})
    everybody = search(client, user_id="builder", personal=0, n=20, text="brand 3", understand=False)
    own = search(client, user_id="builder", personal=1, n=20, text="brand 3", understand=False, explain=True)
    assert ids(own) != ids(everybody)
    tools = [int(one[1:]) % 4 == 1 for one in ids(own)]
    assert tools[0]
    assert "personal" in own["model"]
    assert any(one["reasons"] for one in own["items"])


def test_suggestions(client: TestClient) -> None:
    def suggest(**query: Any) -> list[dict[str, Any]]:
        answer = client.get("/v1/suggest", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["suggestions"]  # type: ignore[no-any-return]

    assert any("hammer" in one["text"] for one in suggest(q="hamm"))
    assert any("锤子" in one["text"] for one in suggest(q="chuizi"))
    assert len(suggest(q="b", n=3)) <= 3
    search(client, text="watering can", user_id="gardener")
    assert suggest(q="wate", user_id="gardener")[0]["kind"] == "query"
    assert all(one["kind"] != "query" for one in suggest(q="wate")), "what one person typed is not shown to others"
    for wrong in ({"n": 0}, {"n": 51}, {"q": "x" * 1_001}, {"q": "a\x00"}, {"user_id": ""}, {"language": "fr"}):
        assert client.get("/v1/suggest", params=wrong).status_code == 422


def test_trends_and_figures(client: TestClient, shop: Runtime) -> None:
    for number in range(4):
        found = search(client, text="black tea", user_id=f"asker-{number}")
        search(client, text="xylophone qqq", user_id=f"asker-{number}", understand=False)
        assert shop.search.log is not None
        assert shop.search.log.flush()
        click = {"user_id": f"asker-{number}", "event_type": "click", "item_id": ids(found)[1], "position": 2}
        client.post("/v1/events", json={**click, "impression_id": found["impression_id"]})
    figures = client.get("/v1/search/analytics", params={"days": 1, "n": 20}).json()
    tea = next(one for one in figures["top"] if one["query"] == "black tea")
    assert (tea["searches"], tea["askers"], tea["clicked"], tea["ctr"], tea["position"]) == (4, 4, 4, 1.0, 2.0)
    assert figures["searches"] >= 8
    assert {"black tea", "xylophone qqq"} <= {one["query"] for one in figures["top"]}
    assert "black tea" not in {one["query"] for one in figures["without_clicks"]}
    trending = client.get("/v1/search/trending", params={"n": 5}).json()["searches"]
    assert len(trending) <= 5
    assert {"query", "now", "usual", "rise"} == set(trending[0])
    for path, wrong in (("trending", {"n": 0}), ("analytics", {"days": 0}), ("analytics", {"days": "nan"})):
        assert client.get(f"/v1/search/{path}", params=wrong).status_code == 422


def test_a_conversation(client: TestClient) -> None:
    first = client.post("/v1/interact", json={"text": "tea under 20 euro", "n": 5}).json()
    assert first["items"]
    assert first["turn"] == 1
    assert any(one["field"] == "price" for one in first["understood"])
    second = client.post("/v1/interact", json={"session_id": first["session_id"], "text": "cheaper", "n": 5}).json()
    assert (second["session_id"], second["turn"]) == (first["session_id"], 2)
    assert second["items"]
    again = client.post(
        "/v1/interact", json={"session_id": first["session_id"], "text": "hammer", "reset": True}
    ).json()
    assert not any(one["field"] == "price" for one in again["understood"])


def test_the_answer_is_what_openapi_says(client: TestClient) -> None:
    from shoplens.http.wire.interact import InteractAnswer
    from shoplens.http.wire.search import SearchAnswer

    body = search(client, text="tea under 20", facets=["*"], explain=True, user_id="u001")
    assert SearchAnswer.model_validate(body).model_dump(exclude_unset=True) == body
    reply = client.post("/v1/interact", json={"text": "tea"}).json()
    assert InteractAnswer.model_validate(reply).model_dump(exclude_unset=True) == reply
