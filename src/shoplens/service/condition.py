"""How a running shop is: ready, degraded (it answers, but something needs looking at), or not ready."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shoplens.errors import StoreUnavailableError

if TYPE_CHECKING:
    from shoplens.service.runtime import Runtime

REMEMBERED = 60.0  # seconds for which a refused change counts, when no other was tried since


@dataclass(frozen=True, slots=True)
class Condition:
    """What a shop's health check says."""

    status: Literal["ready", "degraded", "not ready"]
    reasons: tuple[str, ...]


class Changes:
    """Whether the store takes changes, as the latest ones tell: a full disk still lets itself be read."""

    def __init__(self) -> None:
        self._refused: tuple[float, str] | None = None  # time.monotonic(), reason

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around every change."""
        try:
            yield
        except StoreUnavailableError as error:
            self._refused = (time.monotonic(), str(error))
            raise
        self._refused = None

    @property
    def problem(self) -> str | None:
        """Why the latest change was refused; None when it was not, or long ago."""
        if self._refused is None or time.monotonic() - self._refused[0] > REMEMBERED:
            return None
        return self._refused[1]


def condition_of(shop: Runtime) -> Condition:
    """Looks at store, bundle, logs and experiments. A shop without a bundle is ready: it answers with what is popular
    and new."""
    broken = shop.problems()
    troubled = [
        f"{name}: {problem}"
        for name, problem in (
            ("changes are refused", shop.changes.problem),
            ("experiments", shop.experiments.problem),
            *((f"{name} wait to be written down", log.problem) for name, log in shop.logs.items()),
        )
        if problem is not None
    ]
    told = [] if shop.shelf.learned is not None else ["no bundle yet: popular and new products"]
    return Condition("not ready" if broken else "degraded" if troubled else "ready", (*broken, *troubled, *told))
