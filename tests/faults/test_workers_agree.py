"""Several workers serve the same bundle: what is promoted, and taken back, is so for all of them within seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from shoplens.service.bundle_pointer import current_version, promote, rollback
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import train_tiny_shop
from shoplens.testing.server_process import ServerProcess

ASKED = 24  # each over a connection of its own: that one of two workers got none of them is a matter of 1 in 8 million
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


def _served(address: str) -> set[str]:
    """Versions that answer now, over many connections."""
    told = [httpx.get(f"{address}/metrics").text for _ in range(ASKED)]
    return {match[1] for text in told if (match := re.search(r'shoplens_bundle_info{version="([^"]+)"}', text))}


def _until(holds: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.1)
