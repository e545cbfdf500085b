"""SIGTERM: requests in flight are answered, what waits is written down, nobody new is let in."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.server_process import RUN, ServerProcess


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


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_workers_that_still_load_end_at_once(shop_at: Callable[..., Path], told: signal.Signals) -> None:
    """A terminal sends Ctrl-C to the whole group, a service manager SIGTERM to the parent."""
    command = [sys.executable, "-c", RUN, "serve", "-w", str(shop_at()), "--workers", "2", "--port", "0"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    ) as server:
        assert server.stderr is not None
        said = [next(line for line in server.stderr if "Started parent process" in line)]
        time.sleep(1.0)  # seconds: the workers begin to import, which takes longer than that
        if told == signal.SIGINT:
            os.killpg(server.pid, told)
        else:
            server.send_signal(told)
        began = time.monotonic()
        said += server.stderr
    assert server.returncode == 0
    assert time.monotonic() - began < 30, said
    assert not [line for line in said if "Traceback" in line], said


def test_a_server_that_does_not_start_leaves_nothing_open(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server._command = [sys.executable, "-c", "import sys; sys.exit('no shop here')"]
    with pytest.raises(RuntimeError, match="no shop here"):
        server.start()
    assert server._process is not None
    assert server._process.poll() == 1
    assert server._process.stderr is not None
    assert server._process.stderr.closed
