"""Made-up streams of posts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shoplens.apps.opinions.aspects import Aspects
from shoplens.apps.opinions.monitor import Monitor, MonitorSettings
from shoplens.apps.opinions.names import Names
from shoplens.apps.opinions.reading import Reader
from shoplens.apps.opinions.surges import DAY, SurgeSettings
from shoplens.apps.opinions.tone import ToneByWords
from shoplens.apps.opinions.topics import TopicByWords
from shoplens.domain.opinions import Post, Reading
from shoplens.store.base import Store
from shoplens.store.sql import open_store

START = 1_700_006_400 * 1_000_000  # midnight, UTC
GOOD = ("I love the screen", "great camera, very happy", "fast delivery, thanks", "perfect size, love it")
BAD = ("the taste is terrible", "the parcel arrived broken", "rude service", "awful smell, refund please")
SETTINGS = MonitorSettings(surges=SurgeSettings(window_minutes=60))  # quicker than quarters of an hour
SURGE = "the battery died, terrible"


def plain_reader() -> Reader:
    """Reads by words alone."""
    aspects = Aspects()
    return Reader(ToneByWords(), TopicByWords(aspects), aspects, Names())


def stream(seed: int, *, days: float, per_day: int = 100, surge: tuple[float, float] | None = None) -> list[Post]:
    """Posts at random times, a fifth of them negative; in the days of the surge four fifths, about one thing."""
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0, days * DAY, int(days * per_day))).astype(np.int64)
    posts = []
    for number, time in enumerate(times.tolist()):
        within = surge is not None and surge[0] * DAY <= time < surge[1] * DAY
        bad = random.random() < (0.8 if within else 0.2)
        said = SURGE if bad and within else str(random.choice(BAD if bad else GOOD))
        text = f"{said} {random.integers(10**12):x}"  # no two alike, so that none is a copy
        posts.append(Post(text=text, timestamp=START + time, source="made up", post_id=str(number)))
    return posts


def run(store: Store, posts: list[Post], readings: list[Reading], *, size: int, restart: bool = False) -> Monitor:
    """Take all posts in batches; with `restart` every batch by a monitor that has just been opened."""
    monitor = Monitor(store.opinions, SETTINGS)
    for start in range(0, len(posts), size):
        if restart:
            monitor = Monitor(store.opinions, SETTINGS)
        monitor.take(posts[start : start + size], readings[start : start + size], now=START)
    return monitor


def fresh_store(folder: Path, name: str = "shop") -> Store:
    """An empty store."""
    return open_store(f"sqlite:///{folder / name}.sqlite")
