"""Whatever a client sends, the answer is 2xx or a problem+json that says what to do; never a 5xx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoplens.http.app import create_app
from shoplens.http.wire.fields import PATTERNS
from shoplens.testing.served_shop import open_tiny_shop

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with open_tiny_shop(tmp_path_factory.mktemp("shop")) as shop, TestClient(create_app(shop)) as client:
        yield client


def check_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": 5},
        {"user_id": ""},
        {"user_id": "a\x00b"},
        {"n": 10**30},
        {"n": 0},
        {"n": "many"},
        {"diversity": 2},
        {"exclude": ["x"] * 20_000},
        {"unknown": 1},
        {"filter": {"field": "colour", "eq": "red"}},
        {"filter": {"field": "price", "eq": "cheap"}},
        {"filter": {"field": "brand", "range": {"gte": 1}}},
        {"filter": {"and": []}},
        {"filter": {"field": "availability", "eq": "soon"}},
        {"filter": {}},
        {"filter": "red"},
        {"boost": [{"filter": {"field": "brand", "eq": "a"}, "by": 1e9}]},
        [],
        "text",
    ],
)
@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/similar"])
def test_wrong_ranking_requests(client: TestClient, path: str, body: Any) -> None:
    check_problem(client.post(path, json=body), 422)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"user_id": "\xed\xa0\x80"}', b"[" * 100_000, b"nul"])
@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/events", "/v1/similar", "/v1/search", "/v1/interact"])
def test_bodies_that_are_not_json(client: TestClient, path: str, raw: bytes) -> None:
    answer = client.post(path, content=raw, headers=JSON)
    assert answer.status_code in (400, 422)
    check_problem(answer, answer.status_code)


def test_a_filter_too_deep(client: TestClient) -> None:
    deep: dict[str, Any] = {"field": "brand", "eq": "a"}
    for _ in range(30):
        deep = {"not": deep}
    assert "16 levels" in check_problem(client.post("/v1/recommend", json={"filter": deep}), 422)["detail"]
    for _ in range(5_000):
        deep = {"not": deep}
    raw = b'{"filter":' + b'{"not":' * 5_000 + b'{"field":"brand","eq":"a"}' + b"}" * 5_001
    assert client.post("/v1/recommend", content=raw, headers=JSON).status_code in (400, 422)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event_type": "view"},
        {"event_type": "view", "user_id": "u"},
        {"event_type": "look", "user_id": "u", "item_id": "i"},
        {"event_type": "view", "user_id": "u", "item_id": "i", "timestamp": "yesterday"},
        {"event_type": "view", "user_id": "u", "item_id": "i", "timestamp": "2999-01-01T00:00:00Z"},
        {"event_type": "view", "user_id": "u", "item_id": "i", "timestamp": "1900-01-01"},
        {"event_type": "view", "user_id": "u", "item_id": "i", "price": -1},
        {"event_type": "view", "user_id": "u", "item_id": "i", "position": 10**20},
        {"event_type": "view", "user_id": "u", "item_id": "i", "currency": "euro"},
        {"event_type": "view", "user_id": "u" * 300, "item_id": "i"},
        [],
    ],
)
def test_wrong_events(client: TestClient, event: Any) -> None:
    check_problem(client.post("/v1/events", json=event), 422)


def test_what_is_not_there(client: TestClient) -> None:
    assert "没有" in check_problem(client.post("/v1/similar", json={"item_id": "没有"}), 404)["detail"]
    check_problem(client.get("/v1/products/none"), 404)
    check_problem(client.delete("/v1/products/none"), 404)
    check_problem(client.get("/v1/people/nobody"), 404)
    check_problem(client.delete("/v1/people/nobody"), 404)
    check_problem(client.get("/v1/nothing"), 404)
    check_problem(client.get("/v1/recommend"), 405)
    check_problem(client.post("/v1/bundles/none/promote"), 404)
    check_problem(client.post("/v1/bundles/..%2F..%2Fetc/promote"), 404)
    check_problem(client.post("/v1/bundles/none/rollback"), 409)


def test_a_product_may_not_name_files_of_the_server(client: TestClient) -> None:
    problem = check_problem(client.put("/v1/products/x", json={"title": "X", "images": ["/etc/passwd"]}), 422)
    assert problem["errors"][0]["field"].startswith("images")


def test_body_limit(tmp_path: Path) -> None:
    shop = open_tiny_shop(tmp_path, trained=False, settings={"server": {"max_body_mb": 0.001}})
    with shop, TestClient(create_app(shop)) as client:
        check_problem(client.post("/v1/recommend", json={"exclude": ["x" * 200] * 20}), 413)
        check_problem(client.post("/v1/events", content=iter([b"[" + b" " * 600, b" " * 600]), headers=JSON), 413)
        check_problem(client.post("/v1/products/bulk", content=iter([b" " * 600, b" " * 600])), 413)


def test_bulk_rows_are_refused_one_by_one(client: TestClient) -> None:
    rows = [
        {"event_type": "view", "session_id": "bulk", "item_id": "p001"},
        {"event_type": "view", "session_id": "bulk"},
        {"event_type": "cart", "session_id": "bulk", "item_id": "商品", "event_id": "e1"},
        {"event_type": "cart", "session_id": "bulk", "item_id": "商品", "event_id": "e1"},
    ]
    raw = b"\n".join(orjson.dumps(row) for row in rows) + b"\n\nnot json\n"
    answer = client.post("/v1/events/bulk", content=raw).json()
    assert (answer["stored"], answer["duplicates"], answer["refused"]) == (2, 1, 2)
    assert [error["line"] for error in answer["errors"]] == [2, 6]
    products = (
        b'{"item_id": "bulk-1", "title": "One", "price": 3.5}\n{"item_id": "bulk-2", "title": "Two", "price": -1}\n'
    )
    answer = client.post("/v1/products/bulk", content=products).json()
    assert (answer["accepted"], answer["changed"], answer["refused"]) == (1, 1, 1)
    assert answer["errors"][0]["field"] == "price"
    check_problem(client.post("/v1/events/bulk", content=b"  \n"), 422)


def test_idempotency_key(client: TestClient) -> None:
    event = {"event_type": "view", "session_id": "idem", "item_id": "p001"}
    headers = {"idempotency-key": "order-17"}
    assert client.post("/v1/events", json=event, headers=headers).json() == {"stored": 1, "duplicates": 0}
    assert client.post("/v1/events", json=event, headers=headers).json() == {"stored": 0, "duplicates": 1}


def test_people_come_and_go(client: TestClient) -> None:
    assert client.put("/v1/people/张三", json={"fields": {"age": 30, "region": "上海"}}).status_code == 200
    assert client.get("/v1/people/张三").json()["fields"] == {"age": 30.0, "region": "上海"}
    client.post("/v1/events", json={"event_type": "view", "user_id": "张三", "item_id": "p001"})
    assert client.delete("/v1/people/张三").json()["events"] == 1
    check_problem(client.get("/v1/people/张三"), 404)
    assert client.post("/v1/recommend", json={"user_id": "张三"}).json()["fallback"] == "cold_start"


def test_keys_and_roles(tmp_path: Path) -> None:
    keys = {"read-key": "read", "write-key": "write", "admin-key": "admin"}
    shop = open_tiny_shop(tmp_path, settings={"server": {"api_keys": keys}})
    with shop, TestClient(create_app(shop)) as client:
        check_problem(client.post("/v1/recommend", json={}), 401)
        check_problem(client.post("/v1/recommend", json={}, headers={"x-api-key": "wrong"}), 401)
        assert client.post("/v1/recommend", json={}, headers={"x-api-key": "read-key"}).status_code == 200
        assert client.post("/v1/recommend", json={}, headers={"authorization": "Bearer read-key"}).status_code == 200
        event = {"event_type": "view", "user_id": "u", "item_id": "p001"}
        check_problem(client.post("/v1/events", json=event, headers={"x-api-key": "read-key"}), 403)
        assert client.post("/v1/events", json=event, headers={"authorization": "Bearer write-key"}).status_code == 200
        version = shop.shelf.version
        check_problem(client.post(f"/v1/bundles/{version}/promote", headers={"x-api-key": "write-key"}), 403)
        assert client.post(f"/v1/bundles/{version}/promote", headers={"x-api-key": "admin-key"}).status_code == 200
        assert client.get("/health/live").status_code == 200


def test_openapi_health_metrics_headers(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    recommend = schema["paths"]["/v1/recommend"]["post"]
    assert recommend["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/RecommendIn")
    assert {"user_id", "session_id", "n", "filter", "boost", "diversity", "exclude", "explain"} <= set(
        schema["components"]["schemas"]["RecommendIn"]["properties"]
    )
    references = {part.split('"')[0] for part in orjson.dumps(schema).decode().split("#/components/schemas/")[1:]}
    assert references <= set(schema["components"]["schemas"])
    assert client.get("/health/ready").json()["products"] >= 80
    text = client.get("/metrics").text
    assert 'shoplens_requests_total{method="GET",route="/openapi.json"' in text or "shoplens_requests_total" in text
    answer = client.get("/health/live", headers={"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["x-content-type-options"] == "nosniff"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["field", "eq", "in", "and", "not", "filter", "n", "user_id"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/v1/recommend", "/v1/similar", "/v1/events", "/v1/search", "/v1/interact"]),
    st.dictionaries(
        st.sampled_from(
            [
                "user_id",
                "session_id",
                "item_id",
                "n",
                "filter",
                "boost",
                "exclude",
                "event_type",
                "timestamp",
                "text",
                "facets",
                "sort",
                "page",
                "cursor",
                "drop",
                "personal",
                "language",
            ]
        ),
        ANYTHING,
        max_size=5,
    ),
)
def test_no_json_breaks_the_service(client: TestClient, path: str, body: dict[str, Any]) -> None:
    import json

    raw = json.dumps(body).encode()
    answer = client.post(path, content=raw, headers=JSON)
    assert answer.status_code < 500, (raw, answer.text)
    if answer.status_code >= 400:
        check_problem(answer, answer.status_code)


def test_what_a_pattern_asks_for_is_said_in_words(client: TestClient) -> None:
    """Nobody who sends a wrong value is answered with a regular expression."""

    def patterns(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("pattern"), str):
                yield part["pattern"]
            for inner in part.values():
                yield from patterns(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from patterns(inner)

    asked = set(patterns(client.get("/openapi.json").json()))
    assert asked
    assert asked <= set(PATTERNS)
    problem = client.get("/v1/opinions/trends", params={"series": "p1"})
    assert "a series is all, topic:NAME" in problem.json()["detail"]
