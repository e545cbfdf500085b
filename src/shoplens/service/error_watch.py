"""Whether a bundle fails too often: Wald's sequential test (Annals of Mathematical Statistics, 1945).

After each answer the likelihood of "one answer in twenty fails" against "one in two thousand" is brought up to date; as
soon as the former is a hundred million times as likely the bundle should go. Four failures in a row are enough for
that, so is one in fifteen for a while; one in a thousand never is.
"""

from __future__ import annotations

import math
import threading

USUAL, BROKEN = 1 / 2_000, 1 / 20  # share of answers that fail
ODDS = math.log(1e8) - 1e-9  # of being wrong when a bundle is sent away
_FAILED = math.log(BROKEN / USUAL)
_ANSWERED = math.log((1 - BROKEN) / (1 - USUAL))


class ErrorWatch:
    """Counts for each bundle by itself: during an experiment several answer in turn. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._evidence: dict[str | None, float] = {}  # version → log of the odds; only those that failed lately
        self.failures = 0  # of all bundles so far

    def answered(self, version: str | None) -> None:
        """An answer was given. Cheap: no lock while nothing of this version has failed."""
        if version in self._evidence:
            self._count(version, _ANSWERED)

    def failed(self, version: str | None) -> None:
        """An answer failed."""
        self.failures += 1
        self._count(version, _FAILED)

    def failing(self) -> tuple[str, ...]:
        """The versions that should go; none while there is no reason."""
        with self._lock:
            return tuple(name for name, odds in self._evidence.items() if name is not None and odds >= ODDS)

    def forget(self, version: str) -> None:
        """Begin anew with this version."""
        with self._lock:
            self._evidence.pop(version, None)

    def _count(self, version: str | None, evidence: float) -> None:
        with self._lock:
            odds = self._evidence.get(version, 0.0) + evidence
            if odds > 0.0:
                self._evidence[version] = odds
            else:
                self._evidence.pop(version, None)
