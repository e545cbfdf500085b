"""What a running shop says of itself when it is measured, beside what requests count as they come."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from shoplens.http.envelope import Meters
from shoplens.service import schedule_look
from shoplens.service.bundle import trained_at
from shoplens.service.runtime import Runtime


class Measuring:
    """Of one process; `collect` as a registry of Prometheus has it. Safe between threads."""

    def __init__(self, meters: Meters, shop: Runtime) -> None:
        self._meters, self._shop = meters, shop
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """All metrics as of now."""
        with self._lock:
            self._look()
            return list(self._meters.registry.collect())

    def _look(self) -> None:
        meters, shop = self._meters, self._shop
        meters.products.set(len(shop.facts) - 1)
        for name, log in shop.logs.items():
            meters.waiting.labels(name).set(log.waiting)
            meters.dropped.labels(name).set(log.dropped)
        meters.encoding.set(shop.live.waiting)
        version = shop.shelf.version
        trained = trained_at(version) if version is not None else None
        meters.age.set(time.time() - trained if trained is not None else math.nan)
        for (scenario, source), proposed in list(shop.answers.candidates.items()):
            meters.candidates.labels(scenario, source).set(proposed)
        look = schedule_look.read(shop.workspace.bundles)
        meters.looked.set(time.time() - look.at if look is not None else math.nan)
        meters.clicked.set(look.click_through if look is not None and look.click_through is not None else math.nan)
        meters.drift.set(float(look is not None and look.drifted is not None))
        meters.bundle.clear()
        meters.bundle.labels(version or "none").set(1)
