"""Reads sources and counts what they say, with the next batch being read while this one is counted.

Reading is slow (networks), counting is quick; at most `DEPTH` batches are between source and store, so that a source
faster than the machine waits instead of filling the memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from shoplens.domain.opinions import Reading
from shoplens.errors import StoreUnavailableError
from shoplens.ingest.report import IngestReport
from shoplens.service.opinion_sources import Batch, SourceOptions, growing, whole
from shoplens.service.opinions import OpinionService
from shoplens.store.opinions import AlertRecord

DEPTH = 3  # batches that are read ahead
PAUSE = 1.0  # seconds between looks at sources that had nothing new
TICK_EVERY = 30.0  # seconds between looks whether a window has ended by the clock
PATIENCE = 300.0  # seconds for which the store may be away while sources are followed


@dataclass(slots=True)
class Watched:
    """What a run did so far."""

    posts: int = 0  # counted for the first time, copies included
    duplicates: int = 0
    copies: int = 0
    late: int = 0
    refused: int = 0
    seconds: float = 0.0
    alerts: list[AlertRecord] = field(default_factory=list)


Tell = Callable[[Watched], None]
Stop = Callable[[], bool]


def watch(
    service: OpinionService,
    locations: Sequence[str],
    *,
    options: SourceOptions,
    report: IngestReport,
    follow: bool = False,
    tell: Tell | None = None,
    stop: Stop = lambda: False,
) -> Watched:
    """Count everything that the locations hold, or with `follow` whatever comes, until `stop` says so."""
    done = Watched()
    began = time.monotonic()
    batches = (
        _followed(service, locations, options, report, stop) if follow else _whole(service, locations, options, report)
    )
    ticked = time.monotonic()
    for batch, readings in _ahead(service, batches):
        if batch is not None:
            _take(service, batch, readings, done, patient=follow)
        if follow and time.monotonic() - ticked > TICK_EVERY:
            ticked = time.monotonic()
            done.alerts += service.tick()
        done.refused, done.seconds = report.refused, time.monotonic() - began
        if tell is not None:
            tell(done)
    return done


def _whole(
    service: OpinionService, locations: Sequence[str], options: SourceOptions, report: IngestReport
) -> Iterator[Batch | None]:
    for location in locations:
        yield from whole(service.store, location, options, report)


def _followed(
    service: OpinionService, locations: Sequence[str], options: SourceOptions, report: IngestReport, stop: Stop
) -> Iterator[Batch | None]:
    """One batch of each source after the other; None where a source has nothing new: then all before is counted, and
    the next look begins where it ended."""
    sources = [growing(service.store, location, options, report) for location in locations]
    while not stop():
        quiet = True
        for source in sources:
            batch = next(source)
            quiet = quiet and batch is None
            yield batch
        if quiet:
            time.sleep(PAUSE)


def _ahead(
    service: OpinionService, batches: Iterator[Batch | None]
) -> Iterator[tuple[Batch | None, Sequence[Reading]]]:
    """Batches with their readings, in order; some are read while earlier ones are counted."""
    waiting: deque[tuple[Batch, Future[list[Reading]]]] = deque()
    with ThreadPoolExecutor(1, "read-opinions") as pool:
        for batch in batches:
            if batch is None:
                while waiting:
                    ready, coming = waiting.popleft()
                    yield ready, coming.result()
                yield None, ()
                continue
            waiting.append((batch, pool.submit(service.read, batch.posts)))
            if len(waiting) >= DEPTH:
                ready, coming = waiting.popleft()
                yield ready, coming.result()
        while waiting:
            ready, coming = waiting.popleft()
            yield ready, coming.result()


def _take(service: OpinionService, batch: Batch, readings: Sequence[Reading], done: Watched, *, patient: bool) -> None:
    """Count one batch; while sources are followed a store that is away for a moment is waited for."""
    since = time.monotonic()
    while True:
        try:
            taken = service.take(batch.posts, point=batch.point, readings=readings)
            break
        except StoreUnavailableError:
            if not patient or time.monotonic() - since > PATIENCE:
                raise
            time.sleep(PAUSE)
    done.posts += len(taken.posts)
    done.duplicates += taken.duplicates
    done.copies += taken.copies
    done.late += taken.late
    done.alerts += taken.alerts
