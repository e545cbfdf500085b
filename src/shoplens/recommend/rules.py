"""What a request may ask for, and how the rules act on scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.recommend.facts import Mask
from shoplens.recommend.filters import Filter

MOST = 1_000  # products in one answer
GROUP = 128  # values of a group whose maximum is taken, see `best`


@dataclass(frozen=True, slots=True)
class Boost:
    """Lift what the filter keeps by `by` standard deviations of this person's scores; negative lowers."""

    filter: Filter
    by: float


@dataclass(frozen=True, slots=True)
class Margin:
    """Lift products by what an attribute says they earn: `by` standard deviations of this person's scores for each
    standard deviation of the attribute over the shop."""

    attribute: str  # name, as in the catalogue; its values are numbers
    by: float


@dataclass(frozen=True, slots=True)
class Cap:
    """A product is not shown more than `times` within `days`, to the same person or session."""

    times: int
    days: float


#: Who proposes, unless a scenario says otherwise: the trained model alone.
MODEL_ALONE: tuple[tuple[str, float], ...] = (("model", 1.0),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One request for recommendations, in terms of the shop."""

    n: int = 10
    scenario: str = "home"
    sources: tuple[tuple[str, float], ...] = MODEL_ALONE  # who proposes products, and how much each counts
    viewing: str | None = None  # what is looked at now
    cart: tuple[str, ...] = ()  # what is in the cart
    filter: Filter | None = None
    boost: tuple[Boost, ...] = ()
    diversity: float = 0.0  # 0 = by score alone … 1 = as unlike one another as possible
    exploration: float = 0.0  # share of places that are left to chance
    freshness: float = 0.0  # standard deviations that a product of today is lifted; half of it after two weeks
    margin: Margin | None = None
    pin: tuple[str, ...] = ()  # come first, in this order, where they may be shown at all
    per_brand: int | None = None  # products of one brand at most; without a brand no limit
    per_category: int | None = None  # the same for the narrowest category
    price_band: tuple[float, float] | None = None  # times the price of what is looked at, in the cart or was last seen
    cap: Cap | None = None
    shown: tuple[str, ...] = ()  # what `cap` leaves out now; comes back when there is nothing else
    before: tuple[str, ...] = ()  # stand above in the same list: limits and variants count them
    exclude: tuple[str, ...] = ()
    explain: bool = False
    repeat: bool = False  # whether products of the person's history may come back
    unavailable: bool = False  # whether products that cannot be ordered may be shown
    language: str = "en"
    said: frozenset[str] = frozenset()  # fields that the request names itself, which nothing stands in for


def lift(
    scores: npt.NDArray[np.float32],
    allowed: npt.NDArray[np.int64],
    boosts: Iterable[tuple[Mask, float]],
    extra: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Scores with boosts applied, a new array when there are any; the unit is taken over the allowed rows. `extra` is
    added in the same unit. [n]"""
    boosts = list(boosts)
    if not boosts and extra is None:
        return scores
    unit = float(scores[allowed].std()) if len(allowed) else 0.0
    unit = unit or 1.0  # all alike: any lift decides
    lifted = scores.copy()
    for mask, by in boosts:
        lifted[mask] += np.float32(by * unit)
    if extra is not None:
        lifted += extra[: len(lifted)] * np.float32(unit)
    return lifted


def best(values: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
    """Positions of the n largest values, best first; ties go to the lower position.

    The n-th largest of the maxima of groups is no larger than the n-th value, so what lies below it is never looked at
    again: one pass over a large catalogue. Where that leaves too many (most are equal) the n-th value is found and then
    all above it: partitioning plain values is several times faster than partitioning positions, and does not slow
    down where many are equal.
    """
    if n <= 0 or not len(values):
        return np.zeros(0, np.int64)
    if n >= len(values):
        return np.argsort(-values, kind="stable")
    groups = len(values) // GROUP
    if groups >= 4 * n:
        # Every `groups`-th value makes a group, so that the maxima are taken side by side.
        highest = values[: groups * GROUP].reshape(GROUP, groups).max(axis=0)
        pool = np.flatnonzero(values >= np.partition(highest, groups - n)[groups - n])
        if len(pool) <= len(values) // 8:
            return pool[np.argsort(-values[pool], kind="stable")[:n]]
    edge = np.partition(values, len(values) - n)[len(values) - n]
    above = np.flatnonzero(values > edge)
    tied = np.flatnonzero(values == edge)[: n - len(above)]
    order = np.argsort(-values[above], kind="stable")
    return np.concatenate([above[order], tied])
