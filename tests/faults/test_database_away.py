"""The database goes and comes back while the shop is served: health says so, nothing needs a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.faults import OwnPostgres

EVENT = {"event_type": "view", "user_id": "u001", "item_id": "p001"}


def test_postgres_is_stopped_and_started(own_postgres: OwnPostgres, shop_at: Callable[..., Path]) -> None:
    with Runtime.open(shop_at(own_postgres.url)) as shop, TestClient(create_app(shop)) as client:
        assert client.post("/v1/events", json={**EVENT, "event_id": "before"}).status_code == 200
        assert client.get("/health/ready").json()["status"] == "ready"
        events = shop.store.events.count()
        own_postgres.stop()
        for path, body in (("/v1/events", EVENT), ("/v1/recommend", {"user_id": "u001"})):
            refused = client.post(path, json=body)
            assert refused.status_code == 503, refused.text
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["detail"] == "the database does not answer; try again", "and not where it is"
        shown = client.post("/v1/recommend", json={})
        assert shown.status_code == 200, "who has no history needs no database"
        health = client.get("/health/ready")
        assert health.status_code == 503
        assert health.json()["status"] == "not ready"
        assert any("store" in one for one in health.json()["reasons"])
        assert "postgresql" not in health.text, "who may ask for health need not know where the database is"
        assert client.get("/health/live").status_code == 200
        own_postgres.start()
        assert client.post("/v1/events", json={**EVENT, "event_id": "after"}).json()["stored"] == 1
        assert client.post("/v1/recommend", json={"user_id": "u001"}).status_code == 200
        assert shop.store.events.count() == events + 1
        log = shop.logs["impressions"]
        assert log.flush(10)
        assert log.dropped == 0
        found = [one.impression_id for chunk in shop.store.impressions.scan() for _, one in chunk]
        assert shown.json()["impression_id"] in found, "what was shown meanwhile is written down afterwards"
        assert client.get("/health/ready").json()["status"] == "ready"


def test_sqlite_is_held_by_somebody_else(shop_at: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.store.database.BUSY_SECONDS", 0.2)
    root = shop_at()
    with Runtime.open(root) as shop, TestClient(create_app(shop)) as client:
        other = sqlite3.connect(root / "shop.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for refused in (client.post("/v1/events", json=EVENT), client.delete("/v1/products/p001")):
            assert refused.status_code == 503
            assert "another process" in refused.json()["detail"]
        assert client.post("/v1/recommend", json={"user_id": "u001"}).status_code == 200, "readers wait for nobody"
        health = client.get("/health/ready")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert any("changes are refused" in one for one in health.json()["reasons"])
        other.execute("ROLLBACK")
        other.close()
        assert client.post("/v1/events", json=EVENT).json()["stored"] == 1
        assert shop.logs["impressions"].flush(10)
        assert client.get("/health/ready").json()["status"] == "ready"
