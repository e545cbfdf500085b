"""How a running shop is: ready, degraded (it answers, but something needs looking at), or not ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shoplens.service.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Condition:
    """What a shop's health check says."""

    status: Literal["ready", "degraded", "not ready"]
    reasons: tuple[str, ...]


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
