"""Keys of the keyring over HTTP, and how often they may ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from shoplens.http.app import create_app
from shoplens.http.keys import Allowance
from shoplens.service.keyring import Keyring
from shoplens.testing.served_shop import open_tiny_shop


def test_a_shop_closes_with_its_first_key_and_stays_closed(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path) as shop, TestClient(create_app(shop)) as client:
        assert client.post("/v1/recommend", json={}).status_code == 200
        key = Keyring(tmp_path).create("importer", "write")
        shop.keyring.follow()
        assert client.post("/v1/recommend", json={}).status_code == 401
        for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
            assert client.post("/v1/recommend", json={}, headers=headers).status_code == 200
            assert client.get("/v1/bundles", headers=headers).status_code == 200
            assert client.post("/v1/bundles/x/promote", headers=headers).status_code == 403
        assert client.post("/v1/recommend", json={}, headers={"x-api-key": key[:-1] + "!"}).status_code == 401
        shop.keyring.revoke("importer")
        assert client.post("/v1/recommend", json={}, headers={"x-api-key": key}).status_code == 401


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    key = Keyring(tmp_path).create("storefront", "read", per_minute=3)
    other = Keyring(tmp_path).create("mail", "read")
    with open_tiny_shop(tmp_path) as shop, TestClient(create_app(shop)) as client:
        answers = [client.post("/v1/recommend", json={}, headers={"x-api-key": key}) for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 21
        assert "3 times a minute" in refused.json()["detail"]
        assert client.post("/v1/recommend", json={}, headers={"x-api-key": other}).status_code == 200


@given(st.integers(1, 600), st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_no_more_pass_than_are_allowed(per_minute: int, pauses: list[float]) -> None:
    bucket, now, passed = Allowance(float(per_minute), float(per_minute), 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        passed += wait == 0.0
        assert wait == 0.0 or bucket.take(now + wait + 1e-6) == 0.0 or pytest.fail("waiting did not help")
        passed += wait != 0.0
        now += wait + 1e-6 if wait else 0.0
    assert passed <= per_minute + now * per_minute / 60 + 1
