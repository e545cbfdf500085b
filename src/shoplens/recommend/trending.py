"""What is wanted now: events counted with a half-life, so that last month fades without being forgotten."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY

HALF_LIFE_DAYS = 14.0


class Trending:
    """Decayed sums of preference per facts row, all brought forward to one reference time (forward decay, Cormode et
    al. 2009): adding an event never touches the others."""

    def __init__(self) -> None:
        self._sums = np.zeros(1_024, np.float64)
        self._reference: int | None = None  # microseconds; weights are relative to it
        self._lock = threading.Lock()
        self._peak = 0.0
        self.changes = 0  # how often anything was counted: what was worked out before is as good until this rises

    def add(
        self, rows: npt.NDArray[np.int64], weights: npt.NDArray[np.float32], timestamps: npt.NDArray[np.int64]
    ) -> None:
        """Count events; rows are facts rows (0 = no product), timestamps microseconds."""
        wanted = (rows > 0) & (weights > 0)
        if not wanted.any():
            return
        rows, weights, timestamps = rows[wanted], weights[wanted], timestamps[wanted]
        with self._lock:
            latest = int(timestamps.max())
            days = (latest - self._reference) / MICROSECONDS_PER_DAY if self._reference is not None else 0.0
            if self._reference is None or days > 20 * HALF_LIFE_DAYS:
                self._sums *= 0.5 ** min(days / HALF_LIFE_DAYS, 1_000.0)
                self._reference = latest
            while rows.max() >= len(self._sums):
                self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
            age = (timestamps - self._reference) / MICROSECONDS_PER_DAY  # negative for what is older
            np.add.at(self._sums, rows, weights * np.exp2(np.maximum(age, -1_000.0) / HALF_LIFE_DAYS))
            self._peak = float(self._sums.max())
            self.changes += 1

    def scores(self, n: int) -> npt.NDArray[np.float32]:
        """Stretched to [0, 1] over n facts rows."""
        scores = np.zeros(n, np.float32)
        with self._lock:
            if self._peak > 0:
                known = self._sums[:n]
                scores[: len(known)] = known / self._peak
        return scores
