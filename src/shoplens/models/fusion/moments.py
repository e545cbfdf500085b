"""The hour and the weekday of a request, as the history encoders read them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY

UNKNOWN_MOMENT = np.iinfo(np.int64).min  # of a request that does not say when it is
HOURS, WEEKDAYS = 25, 8  # 0 = unknown
MONDAY = 3  # 1970-01-01 was a Thursday


def clock(now: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Hour (1–24) and weekday (1 = Monday) in UTC of moments in microseconds since 1970; 0 = unknown. [n, 2]."""
    known = now != UNKNOWN_MOMENT
    safe = np.where(known, now, 0)
    hour = safe % MICROSECONDS_PER_DAY // (MICROSECONDS_PER_DAY // 24) + 1
    weekday = (safe // MICROSECONDS_PER_DAY + MONDAY) % 7 + 1
    told: npt.NDArray[np.int64] = np.stack([hour, weekday], 1) * known[:, None]
    return told
