"""Writes down what was asked and shown, beside the answers: no request waits for the database.

Records are gathered in a queue of bounded length and stored by a thread of its own, many in one transaction. When the
database is away for longer than the queue lasts, the newest records are dropped and counted; answers go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from shoplens.errors import ShoplensError, StoreError
from shoplens.service.trouble import Trouble

log = logging.getLogger(__name__)
MOST = 10_000  # records that wait; at 100 answers a second, more than a minute and a half without the database
TOGETHER = 500  # stored in one transaction
PAUSE = 0.5  # seconds for which records are gathered, and between tries when the database refuses
PRUNE_EVERY = 3_600.0  # seconds between looks for records that are too old
DAY = 86_400 * 1_000_000  # microseconds

Record = TypeVar("Record")
Taken_contra = TypeVar("Taken_contra", contravariant=True)


class Log(Protocol[Taken_contra]):
    """Where records end up: `SearchLog`, `ImpressionLog`."""

    def append(self, records: Sequence[Taken_contra], /) -> int:
        """Store records, in one transaction."""
        ...

    def prune(self, before: int, /) -> int:
        """Forget records before a time (microseconds)."""
        ...


class LogWriter(Generic[Record]):
    """Takes records in any thread and stores them in its own; `close` stores what is left."""

    def __init__(self, kept: Log[Record], name: str, *, keep_days: float) -> None:
        self._log = kept
        self._name = name  # of what is written down, for people and threads
        self._keep = int(keep_days * DAY)
        self._waiting: deque[Record] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._busy = False
        self._thread: threading.Thread | None = None
        self._trouble = Trouble(log, f"{name} are not written down yet")
        self._pruned = 0.0  # time.monotonic() of the last look; 0 = never
        self.dropped = 0  # records that were never stored
        self.problem: str | None = None  # why the latest try to store some failed

    @property
    def waiting(self) -> int:
        """Records that are not stored yet."""
        return len(self._waiting)

    def put(self, record: Record) -> None:
        """Store this soon. Never blocks, never raises."""
        with self._changed:
            if self._stopped or len(self._waiting) >= MOST:
                self.dropped += 1
                return
            self._waiting.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"shoplens-log-{self._name}", daemon=True)
                self._thread.start()
            if len(self._waiting) >= TOGETHER:
                self._changed.notify_all()

    def flush(self, seconds: float = 10.0) -> bool:
        """Wait until everything so far is stored; False when it takes longer."""
        with self._changed:
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def close(self) -> None:
        """Store what is left, as far as the database takes it, and end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or len(self._waiting) >= TOGETHER, PAUSE)
                if not self._waiting:
                    if self._stopped:
                        return
                    self._changed.notify_all()
                    continue
                batch = [self._waiting[place] for place in range(min(TOGETHER, len(self._waiting)))]
                self._busy = True
            stored = self._store(batch)
            with self._changed:
                if stored:
                    for _ in batch:
                        self._waiting.popleft()
                self._busy = False
                self._changed.notify_all()
                if not stored:
                    if self._stopped:
                        self.dropped += len(self._waiting)
                        return
                    self._changed.wait(PAUSE)

    def _store(self, batch: list[Record]) -> bool:
        try:
            self._log.append(batch)
            now = time.monotonic()
            if not self._pruned or now - self._pruned > PRUNE_EVERY:
                self._pruned = now
                self._log.prune(int(time.time() * 1e6) - self._keep)
        except ShoplensError as error:
            told = error.told if isinstance(error, StoreError) else str(error)
            self.problem = f"{told} ({self.waiting:,} wait, {self.dropped:,} were dropped)"
            self._trouble.met(error)
            return False
        self.problem = None
        self._trouble.over()
        return True
