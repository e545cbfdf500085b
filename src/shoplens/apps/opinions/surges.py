"""Which series have a surge: of negative posts among their posts, or of posts altogether.

Every series has two detectors, fed with one window at a time. All together they are allowed `alarms_per_year` false
alarms: each is given an equal part of them (a union bound, so it does not matter how series depend on one another), and
from that follows the threshold, which rises a little with every series that is watched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import log
from typing import Any, Self

from shoplens.apps.opinions.detector import Detector
from shoplens.apps.opinions.shop_clock import ShopClock
from shoplens.apps.opinions.statistics import tone_evidence, volume_evidence
from shoplens.apps.opinions.usual import Usual
from shoplens.domain.opinions import ALL, Count

MINUTE, DAY = 60_000_000, 86_400_000_000  # microseconds
YEAR = 365.25 * DAY
TONE, VOLUME = "tone", "volume"
GAP = 2 * DAY  # of silence, after which evidence of before says nothing
RELEARN = 20.0  # posts that are remembered when a new level is accepted as usual


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeSettings:
    """What counts as a surge."""

    window_minutes: int = 15
    alarms_per_year: float = 1.0  # false ones, of all series together
    memory_days: float = 21.0  # half-life of what is usual
    least_posts: int = 20  # of a series, before it is tested
    least_days: float = 14.0  # since its first post, before the number of its posts is tested: weekdays come twice
    longest_days: float = 7.0  # a change that takes longer is no surge, and a surge that lasts longer has become usual
    zone: str = "UTC"  # of the shop's clock, by which hours and weekdays are told apart
    most_series: int = 2_000  # watched at once; of more, those silent for longest are forgotten

    @property
    def window(self) -> int:
        """Microseconds."""
        return self.window_minutes * MINUTE


@dataclass(slots=True)
class Series:
    """One series: what is usual in it, and its two detectors."""

    name: str
    first: int  # start of the first window with a post, microseconds
    last: int  # start of the latest
    posts: int = 0  # ever
    usual: Usual = field(default_factory=Usual)
    tone: Detector = field(default_factory=Detector)
    volume: Detector = field(default_factory=Detector)

    def detector(self, kind: str) -> Detector:
        """By kind of surge."""
        return self.tone if kind == TONE else self.volume

    def state(self) -> dict[str, Any]:
        """For `of`."""
        return {
            "first": self.first,
            "last": self.last,
            "posts": self.posts,
            "usual": self.usual.state(),
            TONE: self.tone.state(),
            VOLUME: self.volume.state(),
        }

    @classmethod
    def of(cls, name: str, state: Mapping[str, Any]) -> Self:
        """As it was."""
        return cls(
            name,
            state["first"],
            state["last"],
            state["posts"],
            Usual.of(state["usual"]),
            Detector.of(state[TONE]),
            Detector.of(state[VOLUME]),
        )


@dataclass(frozen=True, slots=True)
class Surge:
    """A change of state of one detector, found when a window was closed."""

    series: str
    kind: str  # TONE or VOLUME
    over: bool  # False: it begins
    began: int  # microseconds, as estimated
    usual_share: float
    usual_posts: float  # a window
    evidence: float  # log-likelihood ratio
    window: int  # microseconds


class Surges:
    """All series. `close` is called for every window, in order of time."""

    def __init__(self, settings: SurgeSettings) -> None:
        self.settings = settings
        self.series: dict[str, Series] = {}
        self._gone: set[str] = set()
        self._clock = ShopClock(settings.zone)
        self._kept = 0.5 ** (settings.window / (settings.memory_days * DAY))

    @property
    def threshold(self) -> float:
        """Log-likelihood ratio that raises an alarm."""
        tested = sum(1 for one in self.series.values() if one.posts >= self.settings.least_posts)
        return log(YEAR / self.settings.window * 2 * max(tested, 1) / self.settings.alarms_per_year)

    def close(self, start: int, counts: Mapping[str, Count]) -> list[Surge]:
        """Take in the window that starts at `start`; what began or ended with it, in order of the series' names.

        The shop-wide series learns last: what is usual for the others must not depend on this window.
        """
        for name in counts:
            if name not in self.series:
                self.series[name] = Series(name, start, start)
        parent = self.series.get(ALL)
        threshold = self.threshold
        found: list[Surge] = []
        for name in sorted(self.series, key=lambda one: (one == ALL, one)):
            one = self.series[name]
            found += self._take(one, start, counts.get(name, _NONE), None if one is parent else parent, threshold)
        self._forget(start)
        return found

    def skip(self, windows: int, until: int) -> list[Surge]:
        """So many windows passed in silence, more than `GAP`, and end at `until`: evidence of before them says nothing.
        Surges are over."""
        found = []
        for name in sorted(self.series):
            one = self.series[name]
            for kind in (TONE, VOLUME):
                if one.detector(kind).alarmed:
                    found.append(Surge(name, kind, True, until, one.usual.share(None), 0.0, 0.0, self.settings.window))
                one.detector(kind).reset()
            one.usual.fade(self._kept**windows)
        return found

    def states(self) -> dict[str, dict[str, Any]]:
        """For `restore`."""
        return {name: one.state() for name, one in self.series.items()}

    def restore(self, states: Iterable[tuple[str, Mapping[str, Any] | None]]) -> None:
        """As it was; None: forgotten."""
        for name, state in states:
            if state is None:
                self.series.pop(name, None)
            else:
                self.series[name] = Series.of(name, state)

    def _take(self, one: Series, start: int, count: Count, parent: Series | None, threshold: float) -> list[Surge]:
        settings, usual, above = self.settings, one.usual, parent.usual if parent is not None else None
        share, season = usual.share(above), usual.season(self._clock.shown(start), above)
        expected = usual.expected(season)
        quiet_tone = True  # whether this window's tone may be learnt from
        found = []
        if one.posts >= settings.least_posts:
            one.tone.take(tone_evidence(count.negative, count.posts, share, usual.weight(above)), start)
            found += self._judge(one, TONE, start, threshold, share, expected)
            quiet_tone = one.tone.level < threshold / 2
            if start - one.first >= settings.least_days * DAY:
                one.volume.take(volume_evidence(count.posts, expected, usual.shape(expected)), start)
                found += self._judge(one, VOLUME, start, threshold, share, expected)
        usual.fade(self._kept)
        if quiet_tone and not one.tone.alarmed:
            usual.learn_tone(count, share)
        if not one.volume.alarmed:
            usual.learn_volume(count.posts, self._clock.shown(start), expected, season)
        if count.posts:
            one.last = start
            one.posts += count.posts
        return found

    def _judge(
        self, one: Series, kind: str, start: int, threshold: float, share: float, expected: float
    ) -> list[Surge]:
        detector = one.detector(kind)
        window = self.settings.window
        told = Surge(one.name, kind, False, detector.began, share, expected, detector.level, window)
        stale = start - detector.began > self.settings.longest_days * DAY
        if not detector.alarmed:
            if stale:
                detector.reset()
            elif detector.level >= threshold:
                detector.alarm()
                return [told]
            return []
        if not (detector.over or stale):
            return []
        if stale:
            one.usual.shrink(RELEARN)
        detector.reset()
        return [replace(told, over=True, began=start)]

    def _forget(self, start: int) -> None:
        """Keep the number of series bounded; those with an alarm stay."""
        most = self.settings.most_series
        if len(self.series) <= most:
            return
        idle = sorted(
            (one.last, name)
            for name, one in self.series.items()
            if name != ALL and one.last < start and not (one.tone.alarmed or one.volume.alarmed)
        )
        for _, name in idle[: len(self.series) - most]:
            del self.series[name]
            self._gone.add(name)

    def forgotten(self) -> list[str]:
        """Names that were forgotten since the last call and have not come back."""
        gone, self._gone = self._gone - self.series.keys(), set()
        return sorted(gone)


_NONE = Count()
