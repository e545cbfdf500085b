"""What a request may ask for, and how the rules act on scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.recommend.facts import Mask
from shoplens.recommend.filters import Filter

MOST = 1_000  # products in one answer


@dataclass(frozen=True, slots=True)
class Boost:
    """Lift what the filter keeps by `by` standard deviations of this person's scores; negative lowers."""

    filter: Filter
    by: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One request for recommendations, in terms of the shop."""

    n: int = 10
    filter: Filter | None = None
    boost: tuple[Boost, ...] = ()
    diversity: float = 0.0  # 0 = by score alone … 1 = as unlike one another as possible
    exclude: tuple[str, ...] = ()
    explain: bool = False
    repeat: bool = False  # whether products of the person's history may come back
    unavailable: bool = False  # whether products that cannot be ordered may be shown
    language: str = "en"


def lift(
    scores: npt.NDArray[np.float32], allowed: Mask, boosts: Iterable[tuple[Mask, float]]
) -> npt.NDArray[np.float32]:
    """Scores with boosts applied; -inf where not allowed. [n]"""
    ruled = np.where(allowed, scores, np.float32(-np.inf))
    unit: float | None = None
    for mask, by in boosts:
        if unit is None:
            kept = scores[allowed]
            unit = float(kept.std()) if len(kept) else 0.0
            unit = unit or 1.0  # all alike: any lift decides
        ruled[mask] += np.float32(by * unit)
    return ruled


def best(scores: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
    """Positions of the n largest finite scores, best first; ties go to the lower position."""
    beyond = len(scores) - n
    chosen = np.argpartition(scores, beyond)[beyond:] if beyond > 0 else np.arange(len(scores))
    values = scores[chosen]
    order = np.lexsort((chosen, -values))
    chosen, values = chosen[order], values[order]
    return chosen[values > -np.inf]
