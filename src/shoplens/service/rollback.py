"""Whether a bundle is clicked less than the one before it: people compared by intervals that hold however often one
looks (see `learning.metrics.sequential`).

The two answered at different times, so the difference is not the bundle's alone: a sale that ended looks the same. That
is why a share of the rate must be lost for sure, not anything above zero. An experiment is the fair comparison.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shoplens.learning.metrics.sequential import ArmSample, difference
from shoplens.service.bundle_pointer import earlier_version
from shoplens.service.log_writer import DAY
from shoplens.service.reactions import reactions
from shoplens.service.settings import ScheduleSettings
from shoplens.store.logs import ImpressionLog

DAYS = 28.0  # of answers that are looked back at


def clicked_less(
    log: ImpressionLog, bundles: Path, version: str, settings: ScheduleSettings, *, now: int
) -> str | None:
    """Why `version`, which answers, should give way to the one before; None when it should not, or nobody can tell."""
    before = earlier_version(bundles)
    if before is None:
        return None
    people: dict[str, defaultdict[str, list[int]]] = {one: defaultdict(lambda: [0, 0]) for one in (version, before)}
    since = now - int(DAYS * DAY)
    for one in reactions(log, since=since, settle_minutes=settings.settle_minutes, now=now):
        bundle, who = one.record.bundle, one.record.user_id or one.record.session_id
        if bundle in people and who is not None:
            counts = people[bundle][who]
            counts[0] += one.clicked
            counts[1] += 1
    new, old = (_sample(people[name]) for name in (version, before))
    found = difference(new, old)
    if found is None or found.high >= -settings.least_drop * old.value:
        return None
    return (
        f"clicked less than {before}: {new.value:.3f} of answers against {old.value:.3f}, "
        f"{found.value:+.3f} ({found.low:+.3f} … {found.high:+.3f}) at whatever time one looks"
    )


def _sample(people: Mapping[str, list[int]]) -> ArmSample:
    counts = np.array(list(people.values()), np.float64).reshape(-1, 2)
    return ArmSample(counts[:, 0], counts[:, 1])
