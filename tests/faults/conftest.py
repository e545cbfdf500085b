"""Workspaces on SQLite or on a PostgreSQL of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.faults import OwnPostgres
from shoplens.testing.tiny_shop import tiny_shop


@pytest.fixture
def own_postgres(own_folder: Callable[[str], Path]) -> Iterator[OwnPostgres]:
    """A server that the test may stop and start."""
    server = OwnPostgres(own_folder("own-postgres"))
    yield server
    server.stop()


@pytest.fixture
def shop_at(tmp_path: Path) -> Callable[..., Path]:
    """Makes a workspace with the tiny shop in the database of a URL (None: SQLite in the workspace)."""

    def make(url: str | None = None, **server: Any) -> Path:
        settings: dict[str, Any] = {"encoders": {"text": "hashed-ngrams"}, "server": {"embed_changes": False, **server}}
        if url is not None:
            settings["database_url"] = url
        workspace = Workspace.create(tmp_path / "shop", **settings)
        store = open_store(workspace.database_url)
        tiny_shop().fill(store)
        store.close()
        return workspace.root

    return make
