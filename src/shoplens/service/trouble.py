"""What fails again and again while its cause lasts, in few lines of the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

#: Seconds after which the log hears that it still lasts: several threads of each worker look twice a second.
AGAIN = 60.0


class Trouble:
    """Told when it begins, once a minute while it lasts, and when it is over. For one thread."""

    def __init__(self, log: logging.Logger, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._what = what  # does not work: "alerts are not delivered"
        self._clock = clock
        self._began: float | None = None
        self._told = 0.0

    def met(self, error: Exception) -> None:
        """It failed, once more or for the first time."""
        now = self._clock()
        if self._began is None:
            self._began = self._told = now
            self._log.warning("%s: %s", self._what, error)
        elif now - self._told >= AGAIN:
            self._told = now
            self._log.warning("%s, for %.0f seconds now: %s", self._what, now - self._began, error)

    def over(self) -> None:
        """It worked. Says so if it had failed before."""
        if self._began is not None:
            self._log.warning("over after %.0f seconds: %s", self._clock() - self._began, self._what)
            self._began = None
