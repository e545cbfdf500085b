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
    exploration: float = 0.0  # share of places that are left to chance
    exclude: tuple[str, ...] = ()
    explain: bool = False
    repeat: bool = False  # whether products of the person's history may come back
    unavailable: bool = False  # whether products that cannot be ordered may be shown
    language: str = "en"


def lift(
    scores: npt.NDArray[np.float32], allowed: npt.NDArray[np.int64], boosts: Iterable[tuple[Mask, float]]
) -> npt.NDArray[np.float32]:
    """Scores with boosts applied, a new array when there are any; the unit is taken over the allowed rows. [n]"""
    unit: float | None = None
    for mask, by in boosts:
        if unit is None:
            unit = float(scores[allowed].std()) if len(allowed) else 0.0
            unit = unit or 1.0  # all alike: any lift decides
            scores = scores.copy()
        scores[mask] += np.float32(by * unit)
    return scores


def best(values: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
    """Positions of the n largest values, best first; ties go to the lower position.

    Finds the n-th value and then all above it: partitioning plain values is several times faster than partitioning
    positions, and does not slow down where many are equal.
    """
    if n <= 0 or not len(values):
        return np.zeros(0, np.int64)
    if n >= len(values):
        return np.argsort(-values, kind="stable")
    edge = np.partition(values, len(values) - n)[len(values) - n]
    above = np.flatnonzero(values > edge)
    tied = np.flatnonzero(values == edge)[: n - len(above)]
    order = np.argsort(-values[above], kind="stable")
    return np.concatenate([above[order], tied])
