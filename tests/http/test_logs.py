"""What the server writes down: lines or JSON, with the request's id, and nothing of who asked for what."""

from __future__ import annotations

import io
import logging
import logging.config
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.logs import FORMATS, configuration
from shoplens.testing.served_shop import open_tiny_shop

NAME = "Ann-Personal-Datum"
KEY, WORDS = "sl-secret-of-a-key", "privatewords"


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that any logger says, at its most talkative."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATS[getattr(request, "param", "json")]())
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for client in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "asyncio",
    ):
        logging.getLogger(client).setLevel(logging.WARNING)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.mark.parametrize("written", ["json", "text"], indirect=True)
def test_nobody_and_no_secret_is_named(tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.store.database.BUSY_SECONDS", 0.1)
    settings = {
        "server": {"api_keys": {KEY: "admin"}, "access_log": True},
        "encoders": {"text": "hashed-ngrams"},
    }
    shop = open_tiny_shop(tmp_path, settings=settings)
    with shop, TestClient(create_app(shop), raise_server_exceptions=False) as client:
        client.headers["x-api-key"] = KEY

        def everything() -> list[int]:
            event = {"event_type": "view", "user_id": NAME, "item_id": "p001", "query": WORDS}
            answers = [
                client.post("/v1/events", json=event),
                client.post("/v1/events", json={**event, "price": f"{NAME}"}),
                client.post("/v1/recommend", json={"user_id": NAME}),
                client.post("/v1/cart", json={"user_id": NAME, "items": ["p001"]}),
                client.post("/v1/search", json={"user_id": NAME, "text": WORDS}),
                client.put(f"/v1/people/{NAME}", json={"fields": {"email": f"{NAME}@example.com"}}),
                client.get(f"/v1/people/{NAME}"),
                client.get(f"/v1/nothing/{NAME}?q={WORDS}"),
                client.post("/v1/recommend", content=f"{{{NAME}".encode()),
                client.post("/v1/recommend", json={}, headers={"x-api-key": f"{KEY}-wrong"}),
            ]
            return [one.status_code for one in answers]

        assert 200 in everything()
        other = sqlite3.connect(tmp_path / "shop.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert 503 in everything()
        other.close()

        def broken(*_: object, **__: object) -> None:
            raise KeyError(NAME)

        monkeypatch.setattr(shop.store.people, "get", broken)
        monkeypatch.setattr(shop.store.events, "append", broken)
        assert everything().count(500) == 2
    said = written.getvalue()
    for secret in (NAME, WORDS, KEY):
        assert secret not in said
    assert "builtins.KeyError" in said
    assert "/v1/people/{user_id:id}" in said


def test_json_lines_belong_to_requests(tmp_path: Path, written: io.StringIO) -> None:
    settings = {"server": {"access_log": True}}
    with open_tiny_shop(tmp_path, trained=False, settings=settings) as shop, TestClient(create_app(shop)) as client:
        client.post("/v1/recommend", json={}, headers={"x-request-id": "mine-7"})
    lines = [orjson.loads(line) for line in written.getvalue().splitlines()]
    (access,) = [line for line in lines if line["logger"] == "shoplens.access"]
    assert access["request_id"] == "mine-7"
    assert (access["method"], access["route"], access["status"]) == ("POST", "/v1/recommend", 200)
    assert access["level"] == "info"
    assert access["ms"] > 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_configuration_can_be_used(form: str) -> None:
    kept = logging.getLogger().handlers[:]
    try:
        logging.config.dictConfig({**configuration("info", form), "loggers": {}})
        (handler,) = logging.getLogger().handlers
        record = logging.LogRecord("shoplens", logging.INFO, "file", 1, "opened %s", ("it",), None)
        line = handler.format(record)
        assert (orjson.loads(line)["message"] if form == "json" else line).endswith("opened it")
    finally:
        logging.getLogger().handlers[:] = kept
