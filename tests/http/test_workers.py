"""The parent of the serving processes, with processes that only say what they do."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.config import STARTUP_FAILURE

from shoplens.http import workers
from shoplens.http.workers import Workers


class Worker:
    """One process: it answers every ping with whether it serves, until `ends`."""

    numbers = itertools.count()

    def __init__(self, _config: Any, _sockets: Any) -> None:
        self.pid = next(self.numbers)
        self.process = self.parent_conn = self
        self.exitcode: int | None = None
        self.serves = True
        self.pinged = False

    def ends(self, code: int) -> None:
        self.exitcode = code

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def join(self) -> None: ...

    def is_alive(self) -> bool:
        return self.exitcode is None

    def poll(self, _seconds: float) -> bool:
        return self.pinged

    def send(self, _ping: bytes) -> None:
        self.pinged = True

    def recv(self) -> bool:
        self.pinged = False
        return self.serves


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(workers, "Process", Worker)
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    config: Any = SimpleNamespace(workers=2, timeout_worker_healthcheck=60)
    made = Workers(config, [])
    made.init_processes()
    yield made
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.fixture
def serving(parent: Any) -> Any:
    """Both workers have said that they serve."""
    for _ in range(2):
        parent.keep_subprocess_alive()
    return parent


def when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.monotonic() + workers.PAUSE
    monkeypatch.setattr(time, "monotonic", lambda: later)


def test_a_server_whose_first_workers_cannot_start_ends(parent: Any) -> None:
    for worker in parent.processes:
        worker.serves = False
    parent.keep_subprocess_alive()
    parent.keep_subprocess_alive()
    parent.processes[1].ends(STARTUP_FAILURE)
    parent.keep_subprocess_alive()
    assert parent.should_exit.is_set()


def test_a_successor_that_cannot_start_is_tried_again_while_others_serve(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = serving.processes
    second.ends(-signal.SIGKILL)
    serving.keep_subprocess_alive()
    third = serving.processes[1]
    assert third is not second, "who died has a successor at once"
    third.ends(STARTUP_FAILURE)
    for _ in range(3):
        serving.keep_subprocess_alive()
    assert serving.processes == [first, third], "nobody is started over and over"
    when_it_is_due(monkeypatch)
    serving.keep_subprocess_alive()
    assert serving.processes[0] is first
    assert serving.processes[1] not in (second, third)
    assert not serving.should_exit.is_set()


def test_who_was_replaced_by_a_signal_meanwhile_is_not_replaced_again(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = serving.processes
    second.ends(STARTUP_FAILURE)
    serving.keep_subprocess_alive()
    serving.processes[1] = third = Worker(None, None)  # as SIGHUP does
    when_it_is_due(monkeypatch)
    serving.keep_subprocess_alive()
    assert serving.processes == [first, third]
    third.ends(-signal.SIGKILL)
    serving.keep_subprocess_alive()
    assert serving.processes[1] is not third, "it is watched like any other"
