"""An empty SQLite file or a new database on a real PostgreSQL server for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from shoplens.store.base import Store
from shoplens.store.sql import open_store

_numbers = count()


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
