"""What somebody was shown lately: the log of impressions, and the last moments that it does not hold yet."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence

from shoplens.recommend.rules import Cap
from shoplens.service.log_writer import DAY
from shoplens.store.logs import ImpressionLog

ANSWERS = 100  # the latest of a person that are looked at
REMEMBERED = 20_000  # people whose answers of the last moments are kept
JUST_NOW = 20  # answers of one person that may be on their way to the log


class Exposure:
    """Counts, for one person or session, how often each product was shown. Safe between threads.

    Answers of other processes are known once they are in the log, half a second later.
    """

    def __init__(self, log: ImpressionLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, deque[tuple[str, int, tuple[str, ...]]]] = OrderedDict()

    def note(self, who: str, impression_id: str, timestamp: int, shown: Sequence[str]) -> None:
        """An answer was given."""
        with self._lock:
            answers = self._recent.setdefault(who, deque(maxlen=JUST_NOW))
            self._recent.move_to_end(who)
            answers.append((impression_id, timestamp, tuple(shown)))
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)

    def forget(self, who: str) -> None:
        """Nothing is remembered of this person."""
        with self._lock:
            self._recent.pop(who, None)

    def forget_everybody(self) -> None:
        """Nothing is remembered of anybody; the log holds what it holds."""
        with self._lock:
            self._recent.clear()

    def shown(self, cap: Cap, user_id: str | None, session_id: str | None) -> tuple[str, ...]:
        """Products that were shown as often as the cap allows."""
        who = user_id or session_id
        if who is None:
            return ()
        since = int(time.time() * 1e6) - int(cap.days * DAY)
        answers = {
            one.impression_id: one.shown
            for one in self._log.latest(user_id=user_id, session_id=session_id, since=since, limit=ANSWERS)
        }
        with self._lock:
            recent = list(self._recent.get(who, ()))
        answers |= {name: shown for name, timestamp, shown in recent if timestamp >= since}
        counts = Counter(item_id for shown in answers.values() for item_id in set(shown))
        return tuple(item_id for item_id, times in counts.items() if times >= cap.times)
