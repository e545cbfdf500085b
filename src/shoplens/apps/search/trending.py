"""What is searched for now more than usual."""

from __future__ import annotations

import heapq
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.queries import query_form

NOW_DAYS = 1.0  # half-life of what counts as now
USUAL_DAYS = 28.0  # half-life of what counts as usual
LEAST_ASKERS = 3.0  # searches by different people, faded, before others are told of a query
DOUBT = 1.0  # searches a day that every query may have had without anybody knowing
OLD_ENOUGH = 1.5  # how much longer the usual must reach back than now, before anything is usual: a day and a half
MOST_QUERIES = 50_000
MOST_ASKERS = 200_000  # who asked what, remembered so that one person counts once a day


@dataclass(frozen=True, slots=True)
class TrendingSearch:
    """A query that rises."""

    query: str  # as it was first typed
    now: float  # searches a day, lately
    usual: float  # searches a day, over a month or so
    rise: float  # how surprising that is, in standard deviations


@dataclass(slots=True)
class _Query:
    text: str
    at: int  # microseconds; what both sums are faded to
    now: float = 0.0
    usual: float = 0.0


class TrendingSearches:
    """Two sums for each query that fade at different speeds; their rates are compared. Safe for several threads.

    A count that fades with half-life h over searches at a constant rate r comes to r · h / ln 2, so rates are read off
    the sums. A rise is (now - usual) in standard deviations of a Poisson count, as far as `now` is counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queries: dict[str, _Query] = {}
        self._askers: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._begun: int | None = None  # microseconds of the first search: nothing was usual before

    def note(self, query: str, timestamp: int, asker: str | None = None) -> None:
        """Somebody searched (microseconds). Of one asker a query counts once a day."""
        form = query_form(query)
        if not form:
            return
        with self._lock:
            if asker is not None and self._asked_today(form, asker, timestamp):
                return
            self._begun = timestamp if self._begun is None else min(self._begun, timestamp)
            known = self._queries.get(form)
            if known is None:
                if len(self._queries) >= MOST_QUERIES:
                    self._drop_half(timestamp)
                known = self._queries[form] = _Query(" ".join(query.split()), timestamp)
            late = max(0, known.at - timestamp) / MICROSECONDS_PER_DAY  # an import may bring older searches
            if timestamp > known.at:
                known.now, known.usual, known.at = *_faded(known, timestamp), timestamp
            known.now += 0.5 ** (late / NOW_DAYS)
            known.usual += 0.5 ** (late / USUAL_DAYS)

    def note_all(self, searches: Iterable[tuple[str, int, str | None]]) -> None:
        """Many at once: query, microseconds, asker."""
        for query, timestamp, asker in searches:
            self.note(query, timestamp, asker)

    def forget(self, asker: str) -> None:
        """Nothing here says any longer what somebody asked."""
        with self._lock:
            for one in [one for one in self._askers if one[1] == asker]:
                del self._askers[one]

    def forget_everybody(self) -> None:
        """Nothing here says any longer who asked; who asks again may count twice."""
        with self._lock:
            self._askers.clear()

    def top(self, n: int, now: int) -> list[TrendingSearch]:
        """The n queries that rise most at this moment (microseconds), most surprising first."""
        with self._lock:
            if self._begun is None:
                return []
            seen = max((now - self._begun) / MICROSECONDS_PER_DAY, 1e-3)
            lately, usually = _weight(NOW_DAYS, seen), _weight(USUAL_DAYS, seen)
            rising = []
            for known in self._queries.values():
                recent, long = _faded(known, max(now, known.at))
                if recent < LEAST_ASKERS:
                    continue
                before = max(long - recent, 0.0) / max(usually - lately, 1e-9) if usually > OLD_ENOUGH * lately else 0.0
                expected = (before + DOUBT) * lately
                rise = (recent - expected) / math.sqrt(expected)
                if rise > 0:
                    rising.append(TrendingSearch(known.text, recent / lately, before, rise))
        return heapq.nlargest(n, rising, key=lambda one: one.rise)

    def _asked_today(self, form: str, asker: str, timestamp: int) -> bool:
        """Whether the same person asked the same within a day; remembers that they did."""
        before = self._askers.get((form, asker))
        if before is not None and abs(timestamp - before) < MICROSECONDS_PER_DAY:
            return True
        self._askers[form, asker] = timestamp
        self._askers.move_to_end((form, asker))
        while len(self._askers) > MOST_ASKERS:
            self._askers.popitem(last=False)
        return False

    def _drop_half(self, now: int) -> None:
        """Make room: the half that was asked least lately goes."""
        kept = heapq.nlargest(
            MOST_QUERIES // 2,
            self._queries,
            key=lambda form: _faded(self._queries[form], max(now, self._queries[form].at))[1],
        )
        self._queries = {form: self._queries[form] for form in kept}


def _faded(known: _Query, moment: int) -> tuple[float, float]:
    """Both sums at a later moment."""
    days = (moment - known.at) / MICROSECONDS_PER_DAY
    return known.now * 0.5 ** (days / NOW_DAYS), known.usual * 0.5 ** (days / USUAL_DAYS)


def _weight(half_life: float, days: float) -> float:
    """What one search a day comes to, faded, after so many days. In days."""
    return half_life / math.log(2) * -math.expm1(-math.log(2) * days / half_life)
