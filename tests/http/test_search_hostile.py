"""Whatever is searched for, the answer is products of the shop or a problem that says why; never a 5xx."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.hostile_queries import hostile_bodies, hostile_queries
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, tiny_parts

SUITE, ALL = 1_000, 10_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with tiny_parts(), open_tiny_shop(tmp_path_factory.mktemp("shop"), settings={"encoders": TINY}) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop), raise_server_exceptions=False) as client:
        yield client


def check(answer: Any, asked: Any) -> dict[str, Any] | None:
    """The answer's body, None when it was refused as it should be."""
    assert answer.status_code < 500, (asked, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
        return None
    return orjson.loads(answer.content)  # type: ignore[no-any-return]


def check_search(client: TestClient, count: int, seed: int) -> None:
    answered = 0
    for body in hostile_bodies(count, seed):
        found = check(client.post("/v1/search", content=orjson.dumps(body)), body)
        if found is None:
            continue
        answered += 1
        assert all(re.fullmatch(r"p\d{3}", one["item_id"]) for one in found["items"]), body
        assert len({one["item_id"] for one in found["items"]}) == len(found["items"]) <= 10
        assert found["total"] >= len(found["items"])
        for one in found["items"]:
            for html in one.get("highlights", {}).values():
                assert "<" not in re.sub(r"</?em>", "", html), "highlights are escaped"
    assert answered > count / 2, "most of these can be answered"


def test_search(client: TestClient) -> None:
    check_search(client, SUITE, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_search_ten_thousand_times(client: TestClient) -> None:
    check_search(client, ALL, seed=2)


def test_suggestions(client: TestClient) -> None:
    for text in hostile_queries(SUITE // 2, seed=3):
        check(client.get("/v1/suggest", params={"q": text}), text)


def test_conversations(client: TestClient) -> None:
    session = None
    for number, text in enumerate(hostile_queries(SUITE // 4, seed=4)):
        body = {"text": text, **({"session_id": session} if session and number % 7 else {})}
        reply = check(client.post("/v1/interact", content=orjson.dumps(body)), body)
        session = reply["session_id"] if reply is not None else session


def test_forms_with_and_without_a_photo(client: TestClient) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(photo, "PNG")
    for number, text in enumerate(hostile_queries(SUITE // 20, seed=5)):
        for route in ("/v1/search", "/v1/interact"):
            fields: list[tuple[str, Any]] = [("text", (None, text.encode("utf-8", "replace"))), ("n", (None, "5"))]
            if number % 8 == 0:
                fields.append(("image", ("x.png", photo.getvalue())))
            check(client.post(route, files=fields), (route, text))


def test_sessions_of_nobody(client: TestClient) -> None:
    for session in ("nobody", "x" * 200, "../..", "🏳️‍🌈"):
        reply = check(client.post("/v1/interact", json={"session_id": session, "text": "cheaper"}), session)
        assert reply is not None
        assert reply["turn"] >= 1
