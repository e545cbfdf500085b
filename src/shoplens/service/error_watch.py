"""Whether the bundle that answers fails too often: Wald's sequential test (Annals of Mathematical Statistics, 1945).

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
    """Counts for one bundle at a time; another version starts afresh. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: str | None = None
        self._evidence = 0.0
        self.failures = 0  # of all bundles so far

    def answered(self, version: str | None) -> None:
        """An answer was given. Cheap: no lock while nothing has failed."""
        if self._evidence > 0.0:
            self._count(version, _ANSWERED)

    def failed(self, version: str | None) -> None:
        """An answer failed."""
        self.failures += 1
        self._count(version, _FAILED)

    def verdict(self) -> str | None:
        """The version that should go; None while there is no reason."""
        return self._version if self._evidence >= ODDS else None

    def _count(self, version: str | None, evidence: float) -> None:
        with self._lock:
            if version != self._version:
                self._version, self._evidence = version, 0.0
            self._evidence = max(self._evidence + evidence, 0.0)
