"""POST /v1/cart: the envelope of every ranking, sets, and what is refused."""

import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.http.wire.cart import CartAnswer
from shoplens.service.runtime import Runtime
from shoplens.testing.cart_shop import open_cart_shop


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with open_cart_shop(tmp_path_factory.mktemp("shop"), now=int(time.time() * 1e6)) as shop:
        yield TestClient(create_app(shop), raise_server_exceptions=False)


def test_a_cart_is_completed(client: TestClient) -> None:
    answer = client.post("/v1/cart", json={"items": ["bread"], "user_id": "ann", "n": 4, "explain": True})
    assert answer.status_code == 200
    body = answer.json()
    CartAnswer.model_validate(body, strict=True)
    assert set(body) == set(CartAnswer.model_fields)
    assert body["items"][0]["reasons"]
    assert body["model"] == "cart"
    assert body["bundles"][0]["item_ids"][0] == "bread"
    plain = client.post("/v1/cart", json={"items": ["bread"], "bundles": 0}).json()
    assert set(plain["items"][0]) == {"item_id", "score"}
    assert plain["bundles"] == []
    assert client.post("/v1/cart", json={}).json()["fallback"] == "cold_start"
    new = client.post("/v1/cart", json={"user_id": "ann", "repeat": False}).json()
    assert "milk" not in {one["item_id"] for one in new["items"]}


@pytest.mark.parametrize(
    "body",
    [
        {"items": "bread"},
        {"items": [1]},
        {"items": ["\x00"]},
        {"items": [""]},
        {"items": ["x" * 300]},
        {"items": ["x"] * 1_001},
        {"items": ["bread"], "n": 0},
        {"items": ["bread"], "bundles": -1},
        {"items": ["bread"], "bundles": 21},
        {"items": ["bread"], "viewing": ""},
        {"items": ["bread"], "quantity": 2},
        {"items": ["bread"], "filter": {"field": "nonsense", "eq": 1}},
        {"items": ["bread"], "repeat": "perhaps"},
        [],
        "bread",
        None,
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(client: TestClient, body: object) -> None:
    answer = client.post("/v1/cart", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"]


def test_hundred_products_and_odd_names_are_answered(client: TestClient) -> None:
    odd = ["bread", "'; DROP TABLE product; --", "<b>", "🛒", "\u202e", "../../etc", *(f"u{k}" for k in range(94))]
    answer = client.post("/v1/cart", json={"items": odd, "viewing": "soap", "explain": True})
    assert answer.status_code == 200
    assert {"butter", "sponge"} & {one["item_id"] for one in answer.json()["items"]}


def test_unknown_products_are_named_in_the_note(client: TestClient) -> None:
    known = client.post("/v1/cart", json={"items": ["bread"], "viewing": "soap"}).json()
    assert known["note"] is None
    answer = client.post("/v1/cart", json={"items": ["bread", "nowhere"], "viewing": "never"})
    assert answer.status_code == 200
    assert [one["item_id"] for one in answer.json()["items"]]
    assert answer.json()["note"] == "Not in the catalogue and left out: never, nowhere (2)."
    many = client.post("/v1/cart", json={"items": ["bread", *(f"u{k}" for k in range(9))]}).json()
    assert many["note"] == "Not in the catalogue and left out: u0, u1, u2, … (9)."


def test_an_unknown_product_that_is_looked_at_is_named_in_the_note(client: TestClient) -> None:
    asked = {"session_id": "nobody yet", "n": 3}
    plain = client.post("/v1/recommend", json=asked).json()["note"]
    told = client.post("/v1/recommend", json=asked | {"viewing": "never"})
    assert told.status_code == 200
    said = "Not in the catalogue and left out: never (1)."
    assert told.json()["note"] is not None
    assert told.json()["note"].endswith(said)
    assert plain is None or said not in plain


def test_what_was_shown_is_written_down(client: TestClient) -> None:
    shown = client.post("/v1/cart", json={"items": ["bread"], "session_id": "s", "n": 3}).json()
    shop: Runtime = client.app.state.runtime  # type: ignore[attr-defined]
    assert shop.answers.log is not None
    shop.answers.log.flush()
    kept = [one for _, one in next(iter(shop.store.impressions.scan())) if one.impression_id == shown["impression_id"]]
    assert [(one.route, list(one.shown)) for one in kept] == [("cart", [one["item_id"] for one in shown["items"]])]


def test_openapi_says_what_is_sent_and_answered(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    route = described["paths"]["/v1/cart"]["post"]
    assert route["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/CartIn")
    assert route["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/CartAnswer")
    assert set(described["components"]["schemas"]["CartIn"]["properties"]) >= {"items", "viewing", "user_id", "bundles"}
