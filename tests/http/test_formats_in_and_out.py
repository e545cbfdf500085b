"""Every feed and log format goes in through the intake and comes out over HTTP: as products, people and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.intake import ingest_events, ingest_people, ingest_products
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

FIXTURES = Path(__file__).parents[1] / "ingest" / "fixtures"
PRODUCTS = sorted((FIXTURES / "products").iterdir())
EVENTS = sorted((FIXTURES / "events").iterdir())
PEOPLE = sorted((FIXTURES / "people").iterdir())
MAPPINGS = {
    "plain_zh.csv": {"item_id": "编号", "title": "商品名", "category": "类目", "price": "价格"},
    "chinese.csv": {"user_id": "用户", "item_id": "商品", "event_type": "行为", "timestamp": "时间"},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path)


def _client(workspace: Workspace) -> TestClient:
    return TestClient(create_app(Runtime.open(workspace.root)))


@pytest.mark.parametrize("file", PRODUCTS, ids=lambda file: file.name)
def test_products_in_and_out(workspace: Workspace, file: Path) -> None:
    store = open_store(workspace.database_url)
    summary = ingest_products(
        store, str(file), mapping=MAPPINGS.get(file.name), report_path=workspace.root / "report.jsonl"
    )
    stored = [product for chunk in store.catalogue.scan() for product in chunk]
    store.close()
    assert summary["changed"] == len(stored) > 0
    with _client(workspace) as client:
        for product in stored:
            out: dict[str, Any] = client.get(f"/v1/products/{product.item_id}").json()
            assert out["title"] == product.title
            assert out["price"] == (None if product.price is None else str(product.price))
            assert out["currency"] == product.currency
            assert out["category"] == list(product.category)
            assert out["attributes"] == {name: list(values) for name, values in product.attributes.items()}
            out["images"] = [link for link in out["images"] if "://" in link]  # files of the server are not for clients
            again = client.put(f"/v1/products/{product.item_id}", json=out)
            assert again.status_code < 300, again.text
            assert again.json() == out, "what comes out goes in"


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: file.name)
def test_events_in_and_answers_out(workspace: Workspace, file: Path) -> None:
    store = open_store(workspace.database_url)
    mapping = MAPPINGS.get(file.name)
    summary = ingest_events(store, str(file), mapping=mapping, report_path=workspace.root / "report.jsonl")
    assert summary["stored"] == store.events.count() > 0
    again = ingest_events(store, str(file), mapping=mapping)
    assert (again["stored"], store.events.count()) == (0, summary["stored"])
    store.close()
    with _client(workspace) as client:
        answer = client.post("/v1/recommend", json={"user_id": "somebody new", "n": 5}).json()
        assert answer["items"], "products known from events alone can be recommended"


@pytest.mark.parametrize("file", PEOPLE, ids=lambda file: file.name)
def test_people_in_and_out(workspace: Workspace, file: Path) -> None:
    store = open_store(workspace.database_url)
    ingest_people(store, str(file), report_path=workspace.root / "report.jsonl")
    people = [person for chunk in store.people.scan() for _, person in chunk]
    store.close()
    assert people
    with _client(workspace) as client:
        for person in people:
            out = client.get(f"/v1/people/{person.user_id}").json()
            assert out["user_id"] == person.user_id
            assert out["fields"] == dict(person.fields)
            assert client.put(f"/v1/people/{person.user_id}", json=out).json() == out
