"""SIGTERM: requests in flight are answered, what waits is written down, nobody new is let in."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.server_process import ServerProcess


@pytest.mark.slow
def test_the_last_request_is_answered(shop_at: Callable[..., Path]) -> None:
    root = shop_at()
    server = ServerProcess(root).start()
    shown = httpx.post(f"{server.address}/v1/recommend", json={"user_id": "u001"}).json()["impression_id"]
    other = sqlite3.connect(root / "shop.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers: list[httpx.Response] = []
    event = {"event_type": "view", "user_id": "u001", "item_id": "p001", "event_id": "last"}
    sending = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{server.address}/v1/events", json=event, timeout=30))
    )
    sending.start()
    time.sleep(0.5)
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(1.0)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{server.address}/health/live")
    other.execute("ROLLBACK")
    other.close()
    sending.join()
    assert server.stop() == 0
    assert [one.json()["stored"] for one in answers] == [1]
    store = open_store(Workspace.open(root).database_url)
    assert shown in [one.impression_id for chunk in store.impressions.scan() for _, one in chunk]
    store.close()
    assert not [line for line in server.log if "Traceback" in line or "Error" in line]
