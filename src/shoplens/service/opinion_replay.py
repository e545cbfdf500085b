"""Plays what was said again, at a chosen speed: posts come and windows are judged as they were when it was news.

The alerts are those that reading the file at once gives: windows are judged in the same order by the same posts.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from shoplens.apps.opinions.surges import DAY
from shoplens.domain.opinions import Post
from shoplens.errors import InputError
from shoplens.ingest.report import IngestReport
from shoplens.service.opinion_sources import BATCH, SourceOptions, whole
from shoplens.service.opinion_watch import Watched
from shoplens.service.opinions import OpinionService
from shoplens.store.opinions import AlertRecord

BEAT = 0.25  # seconds between looks at what has come

OnAlert = Callable[[AlertRecord], None]
OnBeat = Callable[[int, Watched], None]  # the moment that is played, microseconds, and what came so far


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is played of it all."""

    since: int | None = None  # microseconds; None: from the first post
    days: float | None = None  # None: to the last one
    after_all: bool = False  # what was posted before is counted at once, so that it is known what is usual


def replay(
    service: OpinionService,
    locations: Sequence[str],
    *,
    speed: float,
    options: SourceOptions,
    report: IngestReport,
    stretch: Stretch | None = None,
    on_alert: OnAlert = lambda _: None,
    on_beat: OnBeat = lambda _now, _done: None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Watched:
    """Take posts in as they came, `speed` seconds of theirs in one of ours; 0: as fast as they can be read.

    `on_alert` and the result's alerts are of what is played; those that rose before are in the store.
    Posts that were counted before count no more, so a replay belongs into a workspace of its own. InputError when there
    is nothing to play.
    """
    if speed < 0:
        raise InputError("speed: seconds that pass in one, such as 3600; 0 = as fast as it goes")
    before, posts = _posts(service, locations, options, report, stretch or Stretch())
    done = Watched()
    for at in range(0, len(before), BATCH):
        _take(service, before[at : at + BATCH], done, lambda _: None)
    done.alerts.clear()
    began = clock()
    first, last = posts[0].timestamp, posts[-1].timestamp
    coming = iter(posts)
    waiting: Post | None = next(coming)
    while waiting is not None:
        now = first + int((clock() - began) * speed * 1e6) if speed else last
        while waiting is not None and waiting.timestamp <= now:
            batch = [waiting]
            waiting = None
            for one in islice(coming, BATCH - 1):
                if one.timestamp > now:
                    waiting = one
                    break
                batch.append(one)
            waiting = waiting or next(coming, None)
            _take(service, batch, done, on_alert)
        if waiting is None:
            break
        for alert in service.monitor.tick(now):
            done.alerts.append(alert)
            on_alert(alert)
        done.seconds, done.refused = clock() - began, report.refused
        on_beat(now, done)
        pause(min(BEAT, max((waiting.timestamp - now) / 1e6 / speed, 0.0)) if speed else 0.0)
    done.seconds, done.refused = clock() - began, report.refused
    on_beat(last, done)
    return done


def _take(service: OpinionService, batch: Sequence[Post], done: Watched, on_alert: OnAlert) -> None:
    taken = service.take(batch)
    done.posts += len(taken.posts)
    done.duplicates += taken.duplicates
    done.copies += taken.copies
    done.late += taken.late
    for alert in taken.alerts:
        done.alerts.append(alert)
        on_alert(alert)


def _posts(
    service: OpinionService, locations: Sequence[str], options: SourceOptions, report: IngestReport, stretch: Stretch
) -> tuple[list[Post], list[Post]]:
    """What is counted at once and what is played, in the order in which they were published."""
    posts = [
        post
        for location in locations
        for batch in whole(service.store, location, options, report)
        for post in batch.posts
        if stretch.since is None or stretch.after_all or post.timestamp >= stretch.since
    ]
    posts.sort(key=lambda one: one.timestamp)
    begin = bisect_left(posts, stretch.since, key=lambda one: one.timestamp) if stretch.since is not None else 0
    before, posts = posts[:begin], posts[begin:]
    if posts and stretch.days is not None:
        end = (stretch.since if stretch.since is not None else posts[0].timestamp) + stretch.days * DAY
        posts = [one for one in posts if one.timestamp < end]
    if not posts:
        raise InputError("nothing was said in that time; leave --from and --days out, or read another file")
    return before, posts
