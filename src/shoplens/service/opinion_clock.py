"""Judges windows of opinions by the clock while a shop is served: a surge is told also when silence follows it.

One process does it at a time: whoever holds the lock, and another one when that process ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from shoplens.apps.opinions.surges import DAY
from shoplens.errors import ShoplensError
from shoplens.service.trouble import Trouble
from shoplens.store.opinions import AlertRecord, OpinionStore

log = logging.getLogger("shoplens.opinions")
TICK_EVERY = 30.0  # seconds between looks whether a window has ended
LIVE = DAY  # microseconds; posts that are older when they come are history that is read again
LOCK = ".opinions-clock.lock"


class OpinionClock:
    """See the top of this file. `tick`: `OpinionService.tick`.

    While history is read, its windows end by its own posts: a tick would close all of them up to now, and what is read
    next would be late. So nothing is done before posts came that are less than a day old, nor while posts come.
    """

    def __init__(
        self,
        folder: Path,
        store: OpinionStore,
        tick: Callable[[], list[AlertRecord]],
        *,
        every: float = TICK_EVERY,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._tick, self._every, self._now = store, tick, every, now
        self._alone = FileLock(folder / LOCK, thread_local=False)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest = -1  # at the look before
        self._live = False  # whether the latest post came while it was news

    def start(self) -> None:
        """Look again and again in a thread, until `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shoplens-opinion-clock", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End after the look that is being taken, and let another process look."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._alone.release()

    def look(self) -> list[AlertRecord]:
        """Judge what ended, where this process is the one that does. Returns alerts that were opened."""
        if not self._mine():
            return []
        newest = self._store.newest()
        coming, self._newest = newest != self._newest, newest
        if coming:
            self._live = newest >= self._now() * 1e6 - LIVE
            return []
        return self._tick() if self._live else []

    def _mine(self) -> bool:
        if self._alone.is_locked:
            return True
        try:
            self._alone.acquire(timeout=0)
        except (Timeout, OSError):  # another process looks, or the folder cannot be written
            return False
        return True

    def _work(self) -> None:
        trouble = Trouble(log, "windows of opinions are not judged")
        while not self._stop.wait(self._every):
            try:
                self.look()
                trouble.over()
            except ShoplensError as error:  # the store is away: the next look tries again
                trouble.met(error)
