"""The disk fills up while the shop is served: changes are refused, answers go on, and room is all that is needed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.faults import SmallDisk, files_end_at, lost

MOST_REQUESTS = 2_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    try:
        disk = SmallDisk(tmp_path / "disk", 16)
    except Exception as error:
        pytest.skip(f"no small file system can be mounted here: {error}")
    yield disk
    disk.unmount()


def fill(client: TestClient, name: str) -> set[str]:
    """Send events until one is refused; ids of those that were acknowledged."""
    acknowledged: set[str] = set()
    for number in range(MOST_REQUESTS):
        ids = [f"{name}-{number}-{k}" for k in range(500)]
        wide = {"event_type": "view", "user_id": "u001", "item_id": "p001", "context": {"note": "x" * 200}}
        answer = client.post("/v1/events", json=[{**wide, "event_id": one} for one in ids])
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            assert answer.headers["retry-after"] == "1"
            return acknowledged
        acknowledged.update(ids)
    raise AssertionError("the disk did not fill up")


def check_full_then_free(root: Path, full: contextlib.AbstractContextManager[object]) -> None:
    with Runtime.open(root) as shop, TestClient(create_app(shop)) as client:
        with full:
            acknowledged = fill(client, "full")
            assert acknowledged, "some fitted"
            health = client.get("/health/ready")
            assert (health.status_code, health.json()["status"]) == (200, "degraded")
            assert any("changes are refused" in one for one in health.json()["reasons"])
            assert client.post("/v1/recommend", json={"user_id": "u001"}).status_code == 200
            assert client.post("/v1/recommend", json={"user_id": "u001"}).status_code == 200
        event = {"event_type": "view", "user_id": "u001", "item_id": "p001", "event_id": "room"}
        assert client.post("/v1/events", json=event).json()["stored"] == 1
        assert shop.logs["impressions"].flush(10)
        assert client.get("/health/ready").json()["status"] == "ready"
    assert lost(root, {*acknowledged, "room"}) == set()


def test_sqlite_meets_a_quota(shop_at: Callable[..., Path]) -> None:
    root = shop_at()
    largest = max(file.stat().st_size for file in root.glob("shop.sqlite*"))
    check_full_then_free(root, files_end_at(largest + 3_000_000))


def test_sqlite_on_a_full_disk(shop_at: Callable[..., Path], small_disk: SmallDisk) -> None:
    root = shop_at(f"sqlite:///{small_disk.folder / 'shop.sqlite'}")
    check_full_then_free(root, _until_room_is_made(small_disk))


@pytest.mark.slow
def test_postgres_on_a_full_disk(shop_at: Callable[..., Path], small_disk: SmallDisk, postgres: str) -> None:
    os.chmod(small_disk.folder, 0o777)
    for parent in small_disk.folder.parents[:4]:
        if not os.access(parent, os.X_OK) or parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o055)
    place = small_disk.folder / "tables"
    place.mkdir()
    with psycopg.connect(postgres, autocommit=True) as connection:
        owner = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert owner is not None
        os.chown(place, Path(f"/proc/{owner[0]}").stat().st_uid, -1)
        connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        connection.execute("CREATE DATABASE small TABLESPACE small")
    url = postgres.replace("/postgres?", "/small?").replace("postgresql://", "postgresql+psycopg://")
    try:
        check_full_then_free(shop_at(url), _until_room_is_made(small_disk))
    finally:
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("DROP DATABASE small WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")


@contextlib.contextmanager
def _until_room_is_made(disk: SmallDisk) -> Iterator[None]:
    yield
    disk.make_room(256)
