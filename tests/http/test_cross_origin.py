"""Which pages browsers let ask the API: none, unless the settings name them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shoplens.errors import ConfigurationError
from shoplens.http.app import create_app
from shoplens.service.settings import Settings
from shoplens.testing.served_shop import open_tiny_shop

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key,content-type"}
SHOP, OTHER = {"origin": "https://shop.example"}, {"origin": "https://evil.example"}


def test_nobody_by_default(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop, TestClient(create_app(shop)) as client:
        answer = client.post("/v1/recommend", json={}, headers=SHOP)
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert client.options("/v1/recommend", headers={**SHOP, **PREFLIGHT}).status_code == 405


def test_who_is_named(tmp_path: Path) -> None:
    settings = {"server": {"cors_origins": ["https://shop.example"], "api_keys": {"key": "read"}}}
    shop = open_tiny_shop(tmp_path, trained=False, settings=settings)
    with shop, TestClient(create_app(shop)) as client:
        allowed = client.options("/v1/recommend", headers={**SHOP, **PREFLIGHT})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
        assert client.options("/v1/recommend", headers={**OTHER, **PREFLIGHT}).status_code == 400
        asked = client.post("/v1/recommend", json={}, headers={**SHOP, "x-api-key": "key"})
        assert asked.headers["access-control-allow-origin"] == "https://shop.example"
        assert asked.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-credentials" not in asked.headers
        refused = client.post("/v1/recommend", json={}, headers=SHOP)
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://shop.example", "the page may read why"


@pytest.mark.parametrize("wrong", ["shop.example", "https://shop.example/path", "https://me@shop.example", ""])
def test_what_is_no_origin(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="origin"):
        Settings.read(None, server={"cors_origins": [wrong]})
