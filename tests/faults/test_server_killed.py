"""SIGKILL to a served shop and to single workers while events come in: no acknowledged event is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from shoplens.testing.faults import OwnPostgres, Sender, lost
from shoplens.testing.server_process import ServerProcess


def test_killed_while_events_are_acknowledged(shop_at: Callable[..., Path]) -> None:
    assert kill_and_look(shop_at(), rounds=1, workers=1) > 60


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_again_and_again(database: str, shop_at: Callable[..., Path], request: pytest.FixtureRequest) -> None:
    postgres: OwnPostgres | None = request.getfixturevalue("own_postgres") if database == "postgresql" else None
    assert kill_and_look(shop_at(None if postgres is None else postgres.url), rounds=3, workers=2) > 3 * 60


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_a_killed_worker_is_replaced_and_costs_no_event(shop_at: Callable[..., Path]) -> None:
    root = shop_at()
    with ServerProcess(root, workers=2) as server:
        _until(lambda: len(server.workers) == 2)
        sender = Sender(server.address, "worker")
        time.sleep(1.0)
        first = server.workers[0]
        os.kill(first, signal.SIGKILL)
        _until(lambda: first not in server.workers and len(server.workers) == 2)
        before = len(sender.acknowledged)
        _until(lambda: len(sender.acknowledged) > before)
        sender.stop()
        assert httpx.get(f"{server.address}/health/ready").json()["status"] == "ready"
    assert set(sender.statuses) == {200}
    assert lost(root, sender.acknowledged) == set()


def kill_and_look(root: Path, *, rounds: int, workers: int) -> int:
    """Nothing acknowledged is lost in any round. Returns how many events were."""
    acknowledged: set[str] = set()
    for number in range(rounds):
        server = ServerProcess(root, workers=workers).start()
        sender = Sender(server.address, f"round-{number}")
        _until(lambda: len(sender.acknowledged) > 60)  # noqa: B023 of this round
        time.sleep(0.01 * number)
        server.kill()
        sender.stop()
        assert set(sender.statuses) == {200}
        acknowledged |= sender.acknowledged
        assert lost(root, acknowledged) == set()
    return len(acknowledged)


def _until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
