"""More than the shop can take is refused with a status and a time to come again, never dropped in silence."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime


def event(name: str) -> dict[str, Any]:
    return {"event_type": "view", "user_id": "u001", "item_id": "p001", "event_id": name}


def test_one_request_too_many_is_told_to_come_again(shop_at: Callable[..., Path]) -> None:
    root = shop_at(max_in_flight=4)
    with Runtime.open(root) as shop:
        app = create_app(shop)
        before = shop.store.events.count()
        answers = asyncio.run(_rush(app, root, 12))
        assert sorted(one.status_code for one in answers) == [200] * 4 + [503] * 8
        for one in answers:
            if one.status_code == 503:
                assert one.headers["retry-after"] == "1"
                assert one.headers["content-type"] == "application/problem+json"
        assert shop.store.events.count() == before + 4
        with TestClient(app) as client:
            refused = 'shoplens_requests_total{method="POST",route="unknown",status="503"} 8.0'
            assert refused in client.get("/metrics").text


async def _rush(app: FastAPI, root: Path, count: int) -> list[httpx.Response]:
    other = sqlite3.connect(root / "shop.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        sent = [asyncio.create_task(client.post("/v1/events", json=event(f"rush-{k}"))) for k in range(count)]
        await asyncio.sleep(0.3)
        assert (await client.get("/health/live")).status_code == 200, "whoever watches is always answered"
        other.execute("ROLLBACK")
        return list(await asyncio.gather(*sent))


def test_what_takes_too_long_is_answered_in_time_and_may_be_sent_again(shop_at: Callable[..., Path]) -> None:
    root = shop_at(request_seconds=0.3)
    with Runtime.open(root) as shop, TestClient(create_app(shop)) as client:
        before = shop.store.events.count()
        other = sqlite3.connect(root / "shop.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        late = client.post("/v1/events", json=event("late"))
        assert late.status_code == 503
        assert late.headers["retry-after"] == "5"
        assert "0.3 seconds" in late.json()["detail"]
        other.execute("ROLLBACK")
        again = client.post("/v1/events", json=event("late")).json()
        assert again["stored"] + again["duplicates"] == 1
        assert shop.store.events.count() == before + 1


def test_a_body_that_does_not_arrive(shop_at: Callable[..., Path]) -> None:
    with Runtime.open(shop_at(request_seconds=0.2)) as shop:
        sent: list[dict[str, Any]] = []
        pieces = [{"type": "http.request", "body": b"[", "more_body": True}]

        async def receive() -> dict[str, Any]:
            if pieces:
                return pieces.pop()
            await asyncio.sleep(30)
            raise AssertionError("it should have been given up")

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/events",
            "raw_path": b"/v1/events",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"5000")],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("shop", 80),
            "client": ("127.0.0.1", 5),
            "root_path": "",
        }
        asyncio.run(create_app(shop)(scope, receive, send))
        assert sent[0]["status"] == 408
        assert b"did not arrive" in sent[1]["body"]
