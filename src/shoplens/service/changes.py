"""Whether the store takes changes: a full disk still lets itself be read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shoplens.errors import StoreUnavailableError

REMEMBERED = 60.0  # seconds for which a refused change counts, when no other was tried since


class Changes:
    """As the latest ones tell."""

    def __init__(self) -> None:
        self._refused: tuple[float, str] | None = None  # time.monotonic(), reason

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around every change."""
        try:
            yield
        except StoreUnavailableError as error:
            self._refused = (time.monotonic(), error.told)
            raise
        self._refused = None

    @property
    def problem(self) -> str | None:
        """Why the latest change was refused; None when it was not, or long ago."""
        if self._refused is None or time.monotonic() - self._refused[0] > REMEMBERED:
            return None
        return self._refused[1]
