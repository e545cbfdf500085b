"""What takes the short way is answered as what takes FastAPI's, which a request with an Idempotency-Key does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.testing.served_shop import open_tiny_shop

VIEW = {"event_type": "view", "user_id": "u1", "item_id": "p001", "event_id": "v1"}
OWN = ("impression_id", "request_id")  # of each answer by itself


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    keys = {"all": "write", "little": "read:events"}
    settings = {"server": {"api_keys": keys, "max_body_mb": 0.01}}
    folder = tmp_path_factory.mktemp("shop")
    with open_tiny_shop(folder, settings=settings) as shop, TestClient(create_app(shop)) as client:
        yield client


def both_ways(client: TestClient, path: str, content: bytes, key: str | None) -> list[tuple[int, Any, dict[str, str]]]:
    answers = []
    for way in ({}, {"idempotency-key": "once"}):
        headers = {"x-request-id": "same", "content-type": "text/plain", **way}
        if key is not None:
            headers["x-api-key"] = key
        answer = client.post(path, content=content, headers=headers)
        body = answer.json()
        for name in OWN:
            body.pop(name, None)
        answers.append((answer.status_code, body, dict(answer.headers)))
    return answers


@pytest.mark.parametrize("key", ["all", "little", "unknown", None])
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v1/recommend", b'{"user_id": "u1", "n": 5}'),
        ("/v1/recommend", b'{"n": 0}'),
        ("/v1/recommend", b'{"scenario": "nowhere"}'),
        ("/v1/recommend", b"not JSON"),
        ("/v1/recommend", b""),
        ("/v1/recommend", b'"' + b"x" * 20_000 + b'"'),
        ("/v1/similar", b'{"item_id": "p001"}'),
        ("/v1/similar", b'{"item_id": "there is none"}'),
        ("/v1/cart", b'{"items": ["p001"]}'),
        ("/v1/cart", b'{"items": 3}'),
        ("/v1/events", b'{"event_type": "view", "user_id": "u1"}'),
        ("/v1/events", b'[{"event_type": "view", "user_id": "u1", "item_id": "p002"}]'),
    ],
)
def test_the_same_answer(client: TestClient, path: str, content: bytes, key: str | None) -> None:
    short, long = both_ways(client, path, content, key)
    assert short == long


def test_what_is_sent_again_is_known_on_either_way(client: TestClient) -> None:
    headers = {"x-api-key": "all"}
    assert client.post("/v1/events", json=VIEW, headers=headers).json() == {"stored": 1, "duplicates": 0}
    again = client.post("/v1/events", json=VIEW, headers={**headers, "idempotency-key": "once more"})
    assert again.json() == {"stored": 0, "duplicates": 1}


def test_figures_tell_the_route(client: TestClient) -> None:
    client.post("/v1/cart", json={}, headers={"x-api-key": "all"})
    assert 'route="/v1/cart",status="200"' in client.get("/metrics", headers={"x-api-key": "all"}).text


def test_an_error_nobody_foresaw_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_tiny_shop(tmp_path) as shop:
        monkeypatch.setattr(shop, "wish", lambda *_args, **_kinds: 1 / 0)
        with TestClient(create_app(shop), raise_server_exceptions=False) as client:
            short, long = both_ways(client, "/v1/recommend", b"{}", None)
    assert short == long
    assert short[0] == 500
