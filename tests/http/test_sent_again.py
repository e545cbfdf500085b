"""Requests with an Idempotency-Key that come twice, because the first answer was lost on its way."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.testing.served_shop import open_tiny_shop


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with (
        open_tiny_shop(tmp_path_factory.mktemp("again"), trained=False) as shop,
        TestClient(create_app(shop)) as client,
    ):
        yield client


def lines(*rows: object) -> bytes:
    return b"\n".join(orjson.dumps(row) for row in rows)


def test_events_in_bulk(client: TestClient) -> None:
    rows = lines(*({"event_type": "view", "session_id": "again", "item_id": f"p{k:03}"} for k in range(1, 6)))
    sent = {"idempotency-key": "import-1"}
    first = client.post("/v1/events/bulk", content=rows, headers=sent).json()
    assert (first["stored"], first["duplicates"]) == (5, 0)
    again = client.post("/v1/events/bulk", content=rows, headers=sent).json()
    assert (again["stored"], again["duplicates"]) == (0, 5)
    other = client.post("/v1/events/bulk", content=rows, headers={"idempotency-key": "import-2"}).json()
    assert other["stored"] == 5


def test_products_in_bulk_do_not_undo_what_came_after(client: TestClient) -> None:
    sent = {"idempotency-key": "feed-7"}
    old = lines({"item_id": "again-1", "title": "Old", "price": 1})
    assert client.post("/v1/products/bulk", content=old, headers=sent).json()["changed"] == 1
    assert client.put("/v1/products/again-1", json={"title": "New", "price": 2}).status_code == 200
    again = client.post("/v1/products/bulk", content=old, headers=sent).json()
    assert (again["accepted"], again["changed"]) == (1, 0)
    assert client.get("/v1/products/again-1").json()["title"] == "New"
    assert client.post("/v1/products/bulk", content=old).json()["changed"] == 1, "without the key it counts"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/bulk", "/v1/products/bulk"])
def test_a_key_that_cannot_be(client: TestClient, path: str) -> None:
    assert client.post(path, content=b"{}", headers={"idempotency-key": "k" * 201}).status_code == 422
