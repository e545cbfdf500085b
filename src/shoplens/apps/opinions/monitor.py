"""The stream: posts are counted in windows of their own time, each exactly once, and every closed window is judged.

What comes out depends on the posts and their order alone: not on batches, restarts, or how many processes take turns. A
window is closed when a post comes whose time is `late_minutes` past its end; who comes later still is counted, and no
detector looks at it any more.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from shoplens.apps.opinions.alerting import Alerting, AlertSettings
from shoplens.apps.opinions.copies import Copies, sketches
from shoplens.apps.opinions.surges import DAY, GAP, MINUTE, Surge, Surges, SurgeSettings
from shoplens.apps.opinions.tone import TONES
from shoplens.domain.opinions import LONGEST, Count, Post, Reading, Tone, series_of
from shoplens.store.opinions import AlertRecord, OpinionStore, OpinionTurn, PostRecord

CLOCK = "clock"  # name of the state that is not a series'
SERIES = "series:"  # before the names of those that are


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """How posts are counted and judged."""

    surges: SurgeSettings = field(default_factory=SurgeSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    late_minutes: float = 10.0  # for which a window stays open after its end
    copies_kept: int = 50_000  # latest originals among which copies are looked for
    copies_days: float = 7.0  # between a post and its copies


@dataclass(frozen=True, slots=True)
class Point:
    """How far a source has been read, settled together with the posts."""

    source: str
    rows: int
    finished: bool = False


@dataclass(slots=True)
class Taken:
    """What became of a batch."""

    posts: list[PostRecord] = field(default_factory=list)  # copies included
    duplicates: int = 0  # were taken in before
    copies: int = 0
    late: int = 0
    alerts: list[AlertRecord] = field(default_factory=list)  # that were opened


@dataclass(slots=True)
class _Clock:
    sequence: int = 0  # of the latest post
    newest: int = 0  # latest time of any post, microseconds
    closed: int = 0  # windows that start before this are closed; 0: nothing has come yet


class Monitor:
    """Counts posts and judges windows. Safe to use from several threads; several processes may share one store."""

    def __init__(self, store: OpinionStore, settings: MonitorSettings | None = None) -> None:
        self.settings = settings or MonitorSettings()
        self._store = store
        self._window = self.settings.surges.window
        self._late = int(self.settings.late_minutes * MINUTE)
        self._turn = threading.Lock()
        self._begin()

    def take(
        self, posts: Sequence[Post], readings: Sequence[Reading], *, now: int, point: Point | None = None
    ) -> Taken:
        """Count posts, in this order, in one transaction with `point`. `now`: microseconds of the clock."""
        marks = sketches([one.text for one in posts], [one.language for one in readings])
        with self._turn:
            try:
                with self._store.turn() as turn:
                    self._follow(turn)
                    batch = _Batch(turn, now)
                    self._count(batch, posts, readings, marks)
                    self._finish(batch)
                    if point is not None:
                        turn.settle(point.source, point.rows, finished=point.finished)
            except BaseException:
                self._begin()  # what memory holds was not written: the next turn reads everything again
                raise
        return batch.taken

    def tick(self, now: int) -> list[AlertRecord]:
        """Close windows that ended more than one window and `late_minutes` ago by the clock, though no post has come
        since: a surge must be told also when silence follows. Returns alerts that were opened."""
        with self._turn:
            try:
                with self._store.turn() as turn:
                    self._follow(turn)
                    batch = _Batch(turn, now)
                    if self._clock.closed:
                        self._advance(batch, now - self._window - self._late)
                    self._finish(batch)
            except BaseException:
                self._begin()
                raise
        return batch.taken.alerts

    def _begin(self) -> None:
        """Nothing is known yet."""
        self._surges = Surges(self.settings.surges)
        self._alerting = Alerting(self.settings.alerts)
        kept, days = self.settings.copies_kept, self.settings.copies_days
        self._copies = Copies(most=kept, horizon=int(days * DAY))
        self._clock = _Clock()
        self._open: dict[int, dict[str, Count]] = {}  # start of a window that is not closed → counts
        self._revision = 0
        self._sketched = 0  # sequence up to which copies are known

    def _follow(self, turn: OpinionTurn) -> None:
        """Take in what other processes, or an earlier life of this one, have counted."""
        revision, states = turn.states(self._revision)
        if revision == self._revision:
            return
        self._revision = revision
        self._alerting.watching = True  # somebody else may have opened an alert
        clock = states.pop(CLOCK, None)
        self._surges.restore(
            (name.removeprefix(SERIES), None if state is None else orjson.loads(state))
            for name, state in states.items()
        )
        if clock is not None:
            told = orjson.loads(clock)
            self._clock = _Clock(told["sequence"], told["newest"], told["closed"])
            self._alerting.last = {key: (alert_id, closed) for key, (alert_id, closed) in told["last"].items()}
        self._open = {}
        for one in turn.counts(self._clock.closed):
            self._open.setdefault(one.start, {})[one.series] = one.count
        self._copies.extend(self._store.sketches(self._sketched, self.settings.copies_kept))
        self._sketched = self._clock.sequence

    def _count(self, batch: _Batch, posts: Sequence[Post], readings: Sequence[Reading], marks: Sequence[bytes]) -> None:
        keys = [one.key for one in posts]
        met = batch.turn.known(keys)
        for post, reading, key, mark in zip(posts, readings, keys, marks, strict=True):
            if key in met:
                batch.taken.duplicates += 1
                continue
            met.add(key)
            self._advance(batch, post.timestamp - self._late)
            self._take(batch, post, reading, key, mark)

    def _take(self, batch: _Batch, post: Post, reading: Reading, key: int, mark: bytes) -> None:
        clock = self._clock
        start = post.timestamp // self._window * self._window
        if not clock.closed:
            clock.closed = start
        clock.sequence += 1
        clock.newest = max(clock.newest, post.timestamp)
        original = self._copies.find(mark, post.timestamp)
        series = series_of(post, reading)
        record = PostRecord(
            sequence=clock.sequence,
            key=key,
            timestamp=post.timestamp,
            text=post.text[:LONGEST],
            source=post.source,
            author=post.author,
            item_id=post.item_id,
            link=post.link,
            language=reading.language,
            topic=reading.topic,
            topic_sure=reading.topic_sure,
            tones=_three(reading),
            aspects=reading.aspects,
            entities=tuple((one.kind, one.name) for one in reading.entities),
            series=series,
            reach=post.reach,
            copy_of=original,
            late=start < clock.closed,
            sketch=b"" if original is not None else mark,
        )
        counted = Count(reach=post.reach)
        if original is None:
            self._copies.add(clock.sequence, post.timestamp, mark)
            counted = Count(1, reading.tone is Tone.NEGATIVE, reading.tone is Tone.POSITIVE, post.reach)
        else:
            more, seen = batch.repeats.get(original, (0, 0))
            batch.repeats[original] = (more + 1, seen + post.reach)
        batch.add(record, counted, start)
        if not record.late:
            window = self._open.setdefault(start, {})
            for name in series:
                window.setdefault(name, Count()).add(counted)

    def _advance(self, batch: _Batch, until: int) -> None:
        """Close every window that ended at `until` or before."""
        clock = self._clock
        while clock.closed and clock.closed + self._window <= until:
            if clock.closed not in self._open:
                filled = min(self._open, default=until // self._window * self._window)
                ahead = min(filled, until // self._window * self._window)
                if ahead - clock.closed > GAP:
                    surges = self._surges.skip((ahead - clock.closed) // self._window, ahead)
                    clock.closed = ahead
                    self._alert(batch, surges, ahead)
                    continue
            counts = self._open.pop(clock.closed, {})
            surges = self._surges.close(clock.closed, counts)
            clock.closed += self._window
            batch.closed = True
            self._alert(batch, surges, clock.closed)

    def _alert(self, batch: _Batch, surges: list[Surge], end: int) -> None:
        """Alerts are looked at when something begins or ends, and with every window while one is open."""
        batch.closed = True
        if surges or self._alerting.watching:
            batch.flush()
            batch.taken.alerts += self._alerting.take(batch.turn, surges, end, batch.now)

    def _finish(self, batch: _Batch) -> None:
        """Write the rest of a batch and the state that follows from it."""
        batch.flush()
        clock = self._clock
        told = {
            "sequence": clock.sequence,
            "newest": clock.newest,
            "closed": clock.closed,
            "last": self._alerting.last,
        }
        states: dict[str, str | None] = {CLOCK: orjson.dumps(told).decode()}
        if batch.closed:
            states |= {SERIES + name: orjson.dumps(state).decode() for name, state in self._surges.states().items()}
            states |= dict.fromkeys(SERIES + name for name in self._surges.forgotten())
        if batch.taken.posts or batch.closed:
            self._revision = batch.turn.keep_states(states)
            self._sketched = clock.sequence


class _Batch:
    """What one turn is about to write."""

    def __init__(self, turn: OpinionTurn, now: int) -> None:
        self.turn = turn
        self.now = now
        self.taken = Taken()
        self.repeats: dict[int, tuple[int, int]] = {}
        self.closed = False  # whether a window was closed
        self._waiting: list[PostRecord] = []
        self._counts: dict[tuple[str, int], Count] = {}

    def add(self, record: PostRecord, counted: Count, start: int) -> None:
        """One post."""
        self._waiting.append(record)
        self.taken.posts.append(record)
        self.taken.copies += record.copy_of is not None
        self.taken.late += record.late
        for name in record.series:
            self._counts.setdefault((name, start), Count()).add(counted)

    def flush(self) -> None:
        """Write what waits, so that the store can be asked about it."""
        self.turn.add(self._waiting)
        self.turn.count(self._counts)
        self.turn.repeat(self.repeats)
        self._waiting, self._counts, self.repeats = [], {}, {}


def _three(reading: Reading) -> tuple[float, float, float]:
    positive, neutral, negative = (reading.tones.get(tone, 0.0) for tone in TONES)
    return positive, neutral, negative
