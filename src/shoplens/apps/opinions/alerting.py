"""From surges to alerts: one alert for one event, with evidence, in as few messages as possible.

A delivery problem shows in the product's series, in its aspect's, in its topic's and in the shop's: surges whose posts
overlap by half belong to the alert of the narrowest series, and are named in it. A surge that comes back within the
cool-down opens the old alert again without a message; a message follows only when an alert gets more severe and nobody
has acknowledged it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from shoplens.apps.opinions.changes import changed_aspects, changed_words, telling
from shoplens.apps.opinions.surges import DAY, TONE, VOLUME, Surge
from shoplens.domain.opinions import Count, kind_of
from shoplens.store.opinions import AlertRecord, OpinionTurn, PostRecord
from shoplens.store.records import Delivery

SEVERITIES = ("info", "warning", "critical")
HOUR = 3_600_000_000  # microseconds
BEFORE = 28 * DAY  # with which a surge is compared
MOST_READ = 2_000  # posts of a surge that are looked at
NARROW = ("product", "entity", "aspect", "topic", "all")  # whose alert goes first
OVERLAP = 0.5  # of the posts of the smaller surge


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """When an alert is said, and to whom."""

    channels: tuple[str, ...] = ("log",)
    cooldown_hours: float = 12.0
    deliver_hours: float = 24.0  # alerts of events older than this are kept, and nobody is told: history is read again


class Alerting:
    """Opens, extends and closes alerts within a turn. `last`: series and kind → its latest alert and when it closed."""

    def __init__(self, settings: AlertSettings) -> None:
        self.settings = settings
        self.last: dict[str, tuple[str, int]] = {}
        self.watching = True  # whether an alert may be open; unknown until the store has been asked

    def take(self, turn: OpinionTurn, surges: Sequence[Surge], end: int, now: int) -> list[AlertRecord]:
        """What began and ended with the window that ends at `end`. `now`: microseconds of the clock, for deliveries.
        Returns alerts that were opened."""
        opened = []
        began = [one for one in surges if not one.over]
        self._close(turn, [one for one in surges if one.over], end)
        for surge in sorted(began, key=lambda one: (NARROW.index(kind_of(one.series)), one.kind, one.series)):
            alert = self._begin(turn, surge, end, now)
            if alert is not None:
                opened.append(alert)
        fresh = {one.alert_id for one in opened}
        still = turn.alerts_open()
        for alert in still:
            if alert.alert_id not in fresh:
                self._extend(turn, alert, end, now)
        self.watching = bool(still)
        return opened

    def _begin(self, turn: OpinionTurn, surge: Surge, end: int, now: int) -> AlertRecord | None:
        posts = turn.posts(surge.began, end, MOST_READ)
        during = _speaking(posts, surge)
        leader = self._leader(turn, surge, during, posts)
        if leader is not None:
            also = [*leader.told.get("also", ()), surge.series]
            turn.keep_alert(replace(leader, told={**leader.told, "also": list(dict.fromkeys(also))}))
            return None
        key = f"{surge.series}\x1f{surge.kind}"
        known = self.last.get(key)
        if known is not None and end - known[1] < self.settings.cooldown_hours * HOUR:
            self._again(turn, known[0])
            return None
        told = self._told(turn, surge, during, end)
        digest = blake2b(f"{key}\x1f{end}".encode(), digest_size=8).hexdigest()
        alert = AlertRecord(
            alert_id=digest,
            series=surge.series,
            kind=surge.kind,
            severity=severity_of(surge.kind, told),
            opened=end,
            began=surge.began,
            told=told,
        )
        turn.keep_alert(alert)
        self._deliver(turn, alert, "opened", now)
        return alert

    def _leader(
        self, turn: OpinionTurn, surge: Surge, during: list[PostRecord], posts: list[PostRecord]
    ) -> AlertRecord | None:
        """The open alert that speaks of the same posts."""
        own = {one.sequence for one in during}
        for alert in turn.alerts_open():
            if alert.series == surge.series and alert.kind == surge.kind:
                continue
            theirs = {one.sequence for one in posts if alert.series in one.series and one.timestamp >= alert.began} & {
                one.sequence for one in posts if surge.kind == VOLUME or _negative(one)
            }
            if own and theirs and len(own & theirs) >= OVERLAP * min(len(own), len(theirs)):
                return alert
        return None

    def _again(self, turn: OpinionTurn, alert_id: str) -> None:
        alert = turn.alert(alert_id)
        if alert is not None:
            turn.keep_alert(replace(alert, closed=None, told={**alert.told, "again": alert.told.get("again", 0) + 1}))

    def _extend(self, turn: OpinionTurn, alert: AlertRecord, end: int, now: int) -> None:
        """Bring an open alert's figures up to date while it grows, and say so when it got more severe."""
        hours = (end - alert.began) / HOUR
        told = {
            **alert.told,
            "during": figures(turn.total(alert.series, alert.began, end)),
            "hours": hours,
            "usual_posts": alert.told["usual_posts_an_hour"] * hours,
        }
        if excess(alert.kind, told) <= excess(alert.kind, alert.told):
            return
        severity = max(alert.severity, severity_of(alert.kind, told), key=SEVERITIES.index)
        turn.keep_alert(replace(alert, severity=severity, told=told))
        if severity != alert.severity and alert.acknowledged is None:
            self._deliver(turn, replace(alert, severity=severity), severity, now)

    def _close(self, turn: OpinionTurn, surges: list[Surge], end: int) -> None:
        for surge in surges:
            for alert in turn.alerts_open():
                if (alert.series, alert.kind) == (surge.series, surge.kind):
                    turn.keep_alert(replace(alert, closed=end))
                    self.last[f"{surge.series}\x1f{surge.kind}"] = (alert.alert_id, end)
        for key in [
            key for key, (_, closed) in self.last.items() if end - closed > self.settings.cooldown_hours * HOUR
        ]:
            del self.last[key]

    def _told(self, turn: OpinionTurn, surge: Surge, during: list[PostRecord], end: int) -> dict[str, Any]:
        """Figures before and during, and what is different."""
        earlier = [one for one in turn.posts(surge.began - BEFORE, surge.began, MOST_READ) if _of(one, surge)]
        hours = (end - surge.began) / HOUR
        an_hour = surge.usual_posts * HOUR / surge.window
        return {
            "before": figures(turn.total(surge.series, surge.began - BEFORE, surge.began)),
            "during": figures(turn.total(surge.series, surge.began, end)),
            "hours": hours,
            "usual_share": round(surge.usual_share, 4),
            "usual_posts": an_hour * hours,
            "usual_posts_an_hour": an_hour,
            "evidence": round(surge.evidence, 2),
            "words": changed_words([one.text for one in during], [one.text for one in earlier]),
            "aspects": changed_aspects(during, earlier) if during else [],
            "posts": telling(during, negative=surge.kind == TONE),
        }

    def _deliver(self, turn: OpinionTurn, alert: AlertRecord, occasion: str, now: int) -> None:
        if now - alert.opened > self.settings.deliver_hours * HOUR:
            return
        turn.deliver(
            [
                Delivery(kind="alert", subject=alert.alert_id, occasion=occasion, channel=channel, due=now)
                for channel in self.settings.channels
            ]
        )


def concerns(alert: AlertRecord, series: str) -> bool:
    """Whether an alert is about a series, by itself or among others."""
    return series == alert.series or series in alert.told.get("also", ())


def excess(kind: str, told: Mapping[str, Any]) -> float:
    """Posts that are too many: negative ones, or of any tone."""
    during = told["during"]
    if kind == TONE:
        return float(during["negative"] - told["usual_share"] * during["posts"])
    return float(during["posts"] - told["usual_posts"])


def severity_of(kind: str, told: Mapping[str, Any]) -> str:
    """How bad: by what is too much, as a share and as a number of posts."""
    during = told["during"]
    if kind == TONE:
        lift = during["share"] - told["usual_share"]
        many = excess(kind, told)
        grade = 2 if lift >= 0.3 and many >= 30 else 1 if lift >= 0.15 and many >= 10 else 0
    else:
        times = during["posts"] / max(told["usual_posts"], 1e-9)
        grade = 2 if times >= 4 and during["share"] >= 0.5 else 1 if times >= 3 else 0
    return SEVERITIES[grade]


def figures(count: Count) -> dict[str, Any]:
    """A count as people read it, with the 95 % interval of its share."""
    low, high = count.interval
    return {
        "posts": count.posts,
        "negative": count.negative,
        "positive": count.positive,
        "reach": count.reach,
        "share": round(count.share, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _of(one: PostRecord, surge: Surge) -> bool:
    return surge.series in one.series and (surge.kind == VOLUME or _negative(one))


def _speaking(posts: list[PostRecord], surge: Surge) -> list[PostRecord]:
    """The posts that a surge consists of."""
    return [one for one in posts if _of(one, surge)]


def _negative(one: PostRecord) -> bool:
    positive, neutral, negative = one.tones
    return negative > max(positive, neutral)
