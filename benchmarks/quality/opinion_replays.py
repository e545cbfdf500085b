"""Replays of months of posts with surges of known time and size, built from real labelled texts; and simpler detectors.

What is real: texts, their labels, and what the tone model says of texts that it has not learnt from. What is built: the
rhythm (Poisson, with a daily and weekly season), which topic a post belongs to, and the surges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.apps.opinions.surges import DAY, Surges, SurgeSettings
from shoplens.domain.opinions import ALL, Count

TOPIC, OTHER = "topic:one", "topic:other"
TOPIC_SHARE = 0.25  # of all posts
USUAL = 0.2  # share of negative posts
GRACE = DAY // 2  # after the end of a surge, in which an alarm is late but not false
HOUR = DAY // 24

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says of held-out texts: is it negative, by the true label (rows: not negative, negative)."""

    other: Bools
    negative: Bools

    def draw(self, random: np.random.Generator, truly: Bools) -> Bools:
        """Tones as they are read, of posts drawn with these true labels."""
        read = np.empty(len(truly), np.bool_)
        for label, pool in ((False, self.other), (True, self.negative)):
            chosen = truly == label
            read[chosen] = pool[random.integers(0, len(pool), int(chosen.sum()))]
        return read


@dataclass(frozen=True, slots=True)
class Planted:
    """A surge in one topic: its negative share rises to `share`, its posts to so many `times`."""

    start: int  # microseconds
    length: int
    share: float
    times: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Posts in order of time: when, whether of the topic, whether read as negative."""

    time: npt.NDArray[np.int64]
    topic: Bools
    negative: Bools
    days: int
    planted: Planted | None

    def windows(self, length: int) -> list[dict[str, Count]]:
        """Counts of each series in each window."""
        found: list[dict[str, Count]] = [{} for _ in range(self.days * DAY // length)]
        for place, topic, negative in zip((self.time // length).tolist(), self.topic, self.negative, strict=True):
            for name in (ALL, TOPIC if topic else OTHER):
                found[place].setdefault(name, Count()).add(Count(1, int(negative), 0, 1))
        return found


def build(said: Said, seed: int, *, days: int, per_day: float, planted: Planted | None) -> Replay:
    """One replay. The same seed gives the same posts."""
    random = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    season = (1 + 0.7 * np.sin(2 * np.pi * (hours % 24 - 9) / 24)) * np.where(hours // 24 % 7 >= 5, 0.7, 1.12)
    usual = _times(random, random.poisson(per_day / 24 * season))
    topic = random.random(len(usual)) < TOPIC_SHARE
    if planted is not None and planted.times > 1:
        more = random.poisson(per_day / 24 * season * TOPIC_SHARE * (planted.times - 1))
        extra = _times(random, more)
        extra = extra[(extra >= planted.start) & (extra < planted.start + planted.length)]
        usual, topic = np.concatenate([usual, extra]), np.concatenate([topic, np.ones(len(extra), np.bool_)])
    share = np.full(len(usual), USUAL)
    if planted is not None:
        inside = topic & (usual >= planted.start) & (usual < planted.start + planted.length)
        share[inside] = planted.share
    negative = said.draw(random, random.random(len(usual)) < share)
    order = np.argsort(usual, kind="stable")
    return Replay(usual[order], topic[order], negative[order], days, planted)


def alarms_of_monitor(replay: Replay, settings: SurgeSettings) -> list[int]:
    """Ends of the windows in which the monitor's detectors found a surge, in any series."""
    surges = Surges(settings)
    found = []
    for place, counts in enumerate(replay.windows(settings.window)):
        end = (place + 1) * settings.window
        if any(not one.over for one in surges.close(place * settings.window, counts)):
            found.append(end)
    return found


@dataclass(frozen=True, slots=True)
class Chart:
    """An EWMA control chart (Roberts 1959) on the negative share of each hour; `weight` 1 is the plain z-test."""

    weight: float
    limit: float  # standard deviations
    learn_days: int = 14

    def alarms(self, replay: Replay) -> list[int]:
        """Ends of hours in which the chart leaves its limit upwards, in any series; within a day it counts once."""
        return self.of_hours(replay.windows(HOUR))

    def of_hours(self, hours: Sequence[Mapping[str, Count]]) -> list[int]:
        """The same, of counts an hour."""
        learn = self.learn_days * 24
        found: list[int] = []
        for name in (ALL, TOPIC, OTHER):
            usual = Count()
            for counts in hours[:learn]:
                usual.add(counts.get(name, Count()))
            share = max(usual.share, 0.01)
            level, variance, last = share, 0.0, -DAY
            for place in range(learn, len(hours)):
                count = hours[place].get(name)
                if count is None or not count.posts:
                    continue
                level = self.weight * count.share + (1 - self.weight) * level
                noise = share * (1 - share) / count.posts
                variance = self.weight**2 * noise + (1 - self.weight) ** 2 * variance
                end = (place + 1) * HOUR
                if level > share + self.limit * variance**0.5 and end - last >= DAY:
                    found.append(end)
                    last = end
        return sorted(found)


def judged(replay: Replay, alarms: list[int]) -> tuple[float | None, int]:
    """Hours from the planted surge to its first alarm (None: missed), and how many alarms were false. Alarms of several
    series within six hours are one."""
    planted = replay.planted
    first: float | None = None
    false, last = 0, -DAY
    for end in alarms:
        if planted is not None and planted.start < end <= planted.start + planted.length + GRACE:
            first = (end - planted.start) / HOUR if first is None else first
        elif end - last > 6 * HOUR:
            false += 1
            last = end
    return first, false


def _times(random: np.random.Generator, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Moments of so many posts in each hour."""
    hour = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return hour * HOUR + random.integers(0, HOUR, len(hour))
