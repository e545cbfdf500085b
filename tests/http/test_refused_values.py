"""Values that would harm the shop are refused at the door, with the field and what is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from shoplens.domain.catalogue import Product
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), trained=False) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


def refused(answer: Any) -> dict[str, str]:
    """Field → reason of a 422."""
    assert answer.status_code == 422, answer.text
    fields = [one["field"] for one in answer.json()["errors"]]
    assert len(set(fields)) == len(fields), "one line a field"
    return {one["field"]: one["reason"] for one in answer.json()["errors"]}


@pytest.mark.parametrize(
    "created_at",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1899-12-31T23:59:59Z", "2200-12-31T23:00:00-02:00"],
)
def test_a_date_out_of_range(client: TestClient, created_at: str) -> None:
    row = {"title": "x", "created_at": created_at}
    assert "1900 to 2200" in refused(client.put("/v1/products/N2", json=row))["created_at"]
    lines = [{"item_id": "N2", **row}, {"item_id": "N3", "title": "y", "created_at": "2024-05-01T01:00:00+02:00"}]
    answer = client.post("/v1/products/bulk", content=b"\n".join(map(orjson.dumps, lines))).json()
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    assert (answer["errors"][0]["line"], answer["errors"][0]["field"]) == (1, "created_at")
    assert client.get("/v1/products/N2").status_code == 404
    assert client.get("/v1/products/N3").json()["created_at"] == "2024-04-30T23:00:00Z"


def test_a_stored_date_out_of_range_is_read_as_unknown(shop: Runtime, client: TestClient) -> None:
    east = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    shop.store.catalogue.upsert([Product(item_id="old", title="Old", created_at=east)])
    assert client.get("/v1/products/old").json()["created_at"] is None
    assert {"old"} <= {one.item_id for chunk in shop.store.catalogue.scan() for one in chunk}
    first = datetime.min.replace(tzinfo=UTC)
    shop.store.catalogue.upsert([Product(item_id="old", title="Old", created_at=first)])
    assert shop.store.catalogue.get(["old"])["old"].created_at == first
