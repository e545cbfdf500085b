"""Several workers serve the same bundle: what is promoted, and taken back, is so for all of them within seconds."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from shoplens.http.server_metrics import EVERY
from shoplens.service.bundle_pointer import current_version, promote, rollback
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import train_tiny_shop
from shoplens.testing.server_process import ServerProcess

PATIENCE = 30.0  # seconds; a busy machine is slow


def test_workers_agree_on_the_bundle(shop_at: Callable[..., Path]) -> None:
    workspace = Workspace.open(shop_at())
    store = open_store(workspace.database_url)
    first, second = (train_tiny_shop(store, workspace.bundles, content=False, seed=seed) for seed in (0, 1))
    store.close()
    promote(workspace.bundles, first)
    with ServerProcess(workspace.root, workers=2) as server:
        _until(lambda: len(server.workers) == 2 and _served(server.address) == {first})
        promote(workspace.bundles, second)
        _until(lambda: _served(server.address) == {second})
        assert rollback(workspace.bundles) == first
        _until(lambda: _served(server.address) == {first})
        assert current_version(workspace.bundles) == first
        _all_are_measured(server)


def _all_are_measured(server: ServerProcess) -> None:
    """Each request counts once, whichever worker got it and whichever is asked, also after one of them died."""
    before = _measured(server.address)
    for _ in range(20):  # each over a connection of its own: that one worker gets them all is 1 in half a million
        assert httpx.post(f"{server.address}/v1/recommend", json={}).status_code == 200
    _until(lambda: _measured(server.address) == (before[0] + 20, 2))
    time.sleep(2 * EVERY)  # what a worker that is killed had not written yet is lost
    os.kill(server.workers[0], signal.SIGKILL)
    assert _measured(server.address)[0] == before[0] + 20


def _measured(address: str) -> tuple[float, float]:
    """Recommendations, and workers."""
    text = httpx.get(f"{address}/metrics").text
    asked = re.search(r'shoplens_requests_total{method="POST",route="/v1/recommend",status="200"} (\S+)', text)
    workers = re.search(r"^shoplens_workers (\S+)", text, re.MULTILINE)
    assert workers is not None
    return float(asked[1]) if asked else 0.0, float(workers[1])


def _served(address: str) -> set[str]:
    """Versions that workers answer with now; whichever is asked tells of all."""
    return set(re.findall(r'shoplens_bundle_info{version="([^"]+)"}', httpx.get(f"{address}/metrics").text))


def _until(holds: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.1)
