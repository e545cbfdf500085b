"""What is wanted now, by everybody's events: this process counts its own at once, those of others as the log tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventBatch, EventWeights, event_weight
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.trending import Trending
from shoplens.store.base import EventLog
from shoplens.store.records import ActedOn, Appended

LOOKED_BACK = 200_000  # latest events that count when a process begins: seconds of work, and older ones have faded
AT_ONCE = 5_000  # events; requests come between two such pieces


class Trends:
    """Safe to share between threads. `weigh`: what events count at the moment."""

    def __init__(self, log: EventLog, facts: CatalogueFacts, weigh: Callable[[], EventWeights]) -> None:
        self.trending = Trending()
        self._log = log
        self._facts = facts
        self._weigh = weigh
        self._read: int | None = None  # place in the order of arrival up to which the log was read
        self._own: list[range] = []  # places beyond it that were counted when they were stored here
        self._lock = threading.Lock()  # of the two above
        self._following = threading.Lock()

    def add(self, batch: EventBatch, appended: Appended) -> None:
        """Count what was stored here just now."""
        with self._lock:
            if self._read is not None and appended.sequence.start <= self._read:
                return  # `follow` was quicker
            if self._own and self._own[-1].stop == appended.sequence.start:
                self._own[-1] = range(self._own[-1].start, appended.sequence.stop)
            else:
                self._own.append(appended.sequence)
        new = np.ones(len(batch), np.bool_)
        new[list(appended.duplicates)] = False
        self._count([name or "" for name in batch.item_id], batch.event_type, batch.timestamp, batch.value, new)

    def follow(self) -> None:
        """Count what other processes stored; the first time, the latest events of the log."""
        with self._following:
            if self._read is None:
                self._read = max(0, self._log.last() - LOOKED_BACK)
            for acted in self._log.acted_on(self._read, AT_ONCE):
                others = self._of_others(acted)
                self._count(acted.item_id, acted.event_type, acted.timestamp, acted.value, others)

    def _of_others(self, acted: ActedOn) -> npt.NDArray[np.bool_]:
        """Which of them were not counted here; from now on, all of them are. [n]"""
        place = np.array(acted.sequence, np.int64)
        others = np.ones(len(place), np.bool_)
        with self._lock:
            for own in self._own:
                others &= (place < own.start) | (place >= own.stop)
            self._own = [own for own in self._own if own.stop > acted.last + 1]
            self._read = acted.last
        return others

    def _count(
        self,
        item_id: Sequence[str],
        event_type: Sequence[int],
        timestamp: Sequence[int],
        value: Sequence[float | None],
        chosen: npt.NDArray[np.bool_],
    ) -> None:
        if not chosen.any():
            return
        values = np.array([np.nan if one is None else one for one in value], np.float32)
        weights = event_weight(np.array(event_type, np.int16), values, self._weigh())
        rows = self._facts.rows(item_id)
        self.trending.add(rows[chosen], weights[chosen], np.array(timestamp, np.int64)[chosen])
