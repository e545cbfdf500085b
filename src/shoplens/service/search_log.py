"""Writes down what was searched and shown, beside the answers: a search never waits for the database.

Records are gathered in a queue of bounded length and stored by a thread of its own, many in one transaction. When the
database is away for longer than the queue lasts, the newest records are dropped and counted; answers go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

import orjson

from shoplens.apps.search.paging import Cursor, fingerprint
from shoplens.apps.search.sorting import count_keys
from shoplens.errors import ShoplensError
from shoplens.recommend.asking import Ask, Found
from shoplens.recommend.filter_json import filter_json
from shoplens.store.base import SearchLog, SearchRecord

log = logging.getLogger(__name__)
MOST = 10_000  # records that wait; at 100 searches a second, more than a minute and a half without the database
TOGETHER = 500  # stored in one transaction
PAUSE = 0.5  # seconds for which records are gathered, and between tries when the database refuses
PRUNE_EVERY = 3_600.0  # seconds between looks for records that are too old
DAY = 86_400 * 1_000_000  # microseconds


class SearchLogWriter:
    """Takes records in any thread and stores them in its own; `close` stores what is left."""

    def __init__(self, searches: SearchLog, *, keep_days: float) -> None:
        self._searches = searches
        self._keep = int(keep_days * DAY)
        self._waiting: deque[SearchRecord] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._busy = False
        self._thread: threading.Thread | None = None
        self._pruned = 0.0  # time.monotonic() of the last look; 0 = never
        self.dropped = 0  # records that were never stored

    def put(self, record: SearchRecord) -> None:
        """Store this soon. Never blocks, never raises."""
        with self._changed:
            if self._stopped or len(self._waiting) >= MOST:
                self.dropped += 1
                return
            self._waiting.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shoplens-search-log", daemon=True)
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

    def _store(self, batch: list[SearchRecord]) -> bool:
        try:
            self._searches.append(batch)
            now = time.monotonic()
            if not self._pruned or now - self._pruned > PRUNE_EVERY:
                self._pruned = now
                self._searches.prune(int(time.time() * 1e6) - self._keep)
        except ShoplensError as error:
            log.warning("searches are not written down yet: %s", error)
            return False
        return True


def record_of(ask: Ask, found: Found) -> SearchRecord:
    """What the log keeps of a search."""
    names = dict.fromkeys(name for hit in found.items for name in hit.parts)
    shown_before = 0
    if ask.page is not None:
        shown_before = (ask.page - 1) * ask.n
    elif ask.cursor is not None:
        shown_before = Cursor.decode(ask.cursor, fingerprint(ask), count_keys(ask.sort)).shown
    return SearchRecord(
        impression_id=found.impression_id,
        timestamp=int(time.time() * 1e6),
        query=ask.text,
        user_id=ask.user_id,
        session_id=ask.session_id,
        language=found.language,
        total=found.total,
        shown=tuple(hit.item_id for hit in found.items),
        first=shown_before + 1,
        features={name: tuple(hit.parts.get(name, float("nan")) for hit in found.items) for name in names},
        filters="" if ask.filter is None else orjson.dumps(filter_json(ask.filter)).decode(),
    )
