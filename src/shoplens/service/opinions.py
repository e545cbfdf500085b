"""The opinion monitor of a workspace: posts in, trends and alerts out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoplens.apps.opinions.alerting import AlertSettings, concerns
from shoplens.apps.opinions.monitor import Monitor, MonitorSettings, Point, Taken
from shoplens.apps.opinions.reading import Reader
from shoplens.apps.opinions.shop_clock import ShopClock
from shoplens.apps.opinions.surges import DAY, SurgeSettings
from shoplens.apps.opinions.trends import Trend, trend_of
from shoplens.domain.opinions import Count, Post, Reading
from shoplens.encoders.base import TextEncoder
from shoplens.errors import InputError, NotFoundError, ServiceUnavailableError
from shoplens.ingest.opinions.rows import AHEAD
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.opinion_delivery import channels_of
from shoplens.service.opinion_readers import model_stamps, reader_of, vectors_of
from shoplens.service.opinion_topics import OpinionTopics
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.opinions import AlertRecord, PostRecord

LOOK_EVERY = 30.0  # seconds between looks for newly trained models and products with new names
PRUNE_EVERY = 3_600.0  # seconds
END = 2**62  # later than any time


@dataclass(frozen=True, slots=True)
class ProductTone:
    """What is said about one product."""

    item_id: str
    count: Count
    alerts: tuple[AlertRecord, ...]  # that are open


class OpinionService:
    """Opened at its first use; loads its models when the first post comes. Safe to use from several threads."""

    def __init__(
        self, workspace: Workspace, store: Store, facts: CatalogueFacts, *, encoder: TextEncoder | None = None
    ) -> None:
        self.workspace = workspace
        self.settings = workspace.settings.opinions
        self.store = store
        self.monitor = Monitor(store.opinions, monitor_settings(workspace))
        self._facts = facts
        self._encoder = encoder
        self.topics = OpinionTopics(
            workspace, store, lambda: vectors_of(workspace, encoder=self._encoder), self._read_anew
        )
        self._reader: Reader | None = None
        self._read_with: tuple[Any, ...] = ()
        self._looked = 0.0
        self._pruned = 0.0
        self._felt = 0.0
        self._reading = threading.Lock()  # one batch at a time: networks use all cores by themselves
        self._places = threading.BoundedSemaphore(self.settings.requests)

    def reader(self) -> Reader:
        """What reads posts now."""
        with self._reading:
            return self._current_reader()

    def read(self, posts: Sequence[Post]) -> list[Reading]:
        """What posts say, without counting them."""
        with self._reading:
            return self._current_reader().read(posts)

    def take(self, posts: Sequence[Post], *, point: Point | None = None, readings: Sequence[Reading] = ()) -> Taken:
        """Read and count posts, exactly once each. `readings`: when they were read before."""
        now = int(time.time() * 1e6)
        taken = self.monitor.take(posts, readings or self.read(posts), now=now, point=point)
        self._prune()
        return taken

    def push(self, posts: Sequence[Post]) -> Taken:
        """The same for posts that others send. ServiceUnavailableError when too many requests bring some already: they
        are to be sent again, and nothing of them was counted. InputError for a time in the future."""
        latest = time.time() * 1e6 + AHEAD
        for place, one in enumerate(posts):
            if one.timestamp > latest:
                raise InputError(f"posts[{place}].timestamp lies in the future; times are UTC")
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailableError(
                f"{self.settings.requests} requests with posts are being read already; send this one again in a second"
            )
        try:
            return self.take(posts)
        finally:
            self._places.release()

    def tick(self) -> list[AlertRecord]:
        """Judge windows that ended by the clock, though no post came since; see `Monitor.tick`."""
        return self.monitor.tick(int(time.time() * 1e6))

    def trend(self, series: str, *, since: int | None = None, before: int | None = None, step: str = "day") -> Trend:
        """One series in steps of an hour, a day or a week. NotFoundError when nothing was ever said in it."""
        newest = self.store.opinions.windows(series, since=0, before=END)
        if not newest:
            raise NotFoundError(f"nothing was said yet in the series {series!r}; `shoplens opinions report` lists them")
        end = before if before is not None else newest[-1].start + 1
        begin = since if since is not None else end - 28 * DAY
        windows = [one for one in newest if begin <= one.start < end]
        clock = ShopClock(self.settings.timezone)
        return trend_of(series, windows, since=begin, before=end, step=step, clock=clock)

    def totals(
        self, kind: str | None = None, *, since: int = 0, before: int = END, limit: int = 50
    ) -> list[tuple[str, Count]]:
        """Series with most posts."""
        return self.store.opinions.totals(kind=kind, since=since, before=before)[:limit]

    def alerts(self, *, open_only: bool = False, since: int = 0, limit: int = 100) -> list[AlertRecord]:
        """Alerts, the latest first."""
        return self.store.opinions.alerts(open_only=open_only, since=since, limit=limit)

    def evidence(self, alert: AlertRecord) -> list[PostRecord]:
        """The posts that an alert points to; those of people who were forgotten are gone."""
        wanted = alert.told.get("posts", [])
        found = self.store.opinions.by_number(wanted)
        return [found[number] for number in wanted if number in found]

    def acknowledge(self, alert_id: str, *, by: str = "", note: str = "") -> AlertRecord:
        """Somebody looks after it: no further messages. NotFoundError for an unknown alert."""
        found = self.store.opinions.acknowledge(alert_id, now=int(time.time() * 1e6), by=by, note=note)
        if found is None:
            raise NotFoundError(f"there is no alert {alert_id!r}; `shoplens opinions alerts` lists them")
        return found

    def of_product(self, item_id: str) -> ProductTone:
        """What is said about a product, over the last `product_days` before the latest post about it."""
        series = f"product:{item_id}"
        windows = self.store.opinions.windows(series, since=0, before=END)
        count = Count()
        for one in windows:
            if one.start > windows[-1].start - self.settings.product_days * DAY:
                count.add(one.count)
        alerts = self.alerts(open_only=True) if windows else []
        return ProductTone(item_id, count, tuple(one for one in alerts if concerns(one, series)))

    def blame(self) -> dict[str, float]:
        """item_id → how much worse it is spoken of than the shop's products are on average, 0 to 1, for ranking: the
        lower end of the interval of its negative share, less the usual share."""
        since = int(self.store.opinions.newest() - self.settings.product_days * DAY)
        counts = self.totals("product", since=since, limit=10**9)
        everything = Count()
        for _, count in counts:
            everything.add(count)
        usual = everything.share
        found = {}
        for series, count in counts:
            low, _ = count.interval
            if low > usual:
                found[series.removeprefix("product:")] = min((low - usual) / max(1.0 - usual, 1e-9), 1.0)
        return found

    def follow(self) -> None:
        """Let rankings know what is said now, where the shop wants them to."""
        weight = self.settings.ranking
        if weight <= 0.0 or time.monotonic() < self._felt:
            return
        self._felt = time.monotonic() + LOOK_EVERY
        blame = self.blame()
        rows = self._facts.rows(blame)
        self._facts.review_tone.put(rows, np.fromiter(blame.values(), np.float32, len(blame)), weight)

    def _current_reader(self) -> Reader:
        now = time.monotonic()
        if self._reader is None or now - self._looked > LOOK_EVERY:
            self._looked = now
            stamp = (*model_stamps(self.workspace), len(self._facts))
            if self._reader is None or stamp != self._read_with:
                vectors = vectors_of(self.workspace, encoder=self._encoder)
                identities = self.store.catalogue.identities()
                self._reader = reader_of(self.workspace, self._catalogue(), vectors=vectors, identities=identities)
                self._read_with = stamp
        return self._reader

    def _read_anew(self) -> None:
        """With the settings as they are now."""
        with self._reading:
            self.settings, self._reader = self.workspace.settings.opinions, None

    def _catalogue(self) -> Iterable[tuple[str, str, str | None]]:
        facts = self._facts
        for row in range(1, len(facts)):
            yield facts.ids[row], facts.titles[row], facts.brand_of(row) or None

    def _prune(self) -> None:
        """By the time of the posts, so that history that is read again is not forgotten at once."""
        if time.monotonic() - self._pruned > PRUNE_EVERY or not self._pruned:
            self._pruned = time.monotonic()
            self.store.opinions.prune(int(self.store.opinions.newest() - self.settings.days * DAY))


def monitor_settings(workspace: Workspace) -> MonitorSettings:
    """As the settings say."""
    told = workspace.settings.opinions
    return MonitorSettings(
        surges=SurgeSettings(
            window_minutes=told.window_minutes,
            alarms_per_year=told.alarms_per_year,
            memory_days=told.memory_days,
            zone=told.timezone,
        ),
        alerts=AlertSettings(
            channels=channels_of(told), cooldown_hours=told.cooldown_hours, deliver_hours=told.deliver_hours
        ),
        late_minutes=told.late_minutes,
    )
