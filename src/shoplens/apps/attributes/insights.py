"""Which values of attributes go with views that become carts, and carts that become purchases.

Products with a value are compared with those without it, within strata of one category, one band of prices and one of
popularity, and the strata are added up by Mantel and Haenszel (1959; for rates Greenland and Robins 1985). What price
and popularity still explain within strata is taken out before, by one slope each for the whole shop. A ratio of 1.2
says: 20 % more often than like products without the value. Products are the sampling unit, not events (a much viewed
product is still one product): the variance is linearised over products where a stratum has several on both sides, and
over strata where it has not. It is what goes together in this shop, not what would happen if the value were changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Floats = npt.NDArray[np.float64]

PRICE_BANDS = 4  # of a category's prices, equally many products each
POPULARITY_BANDS = 4  # of the whole shop's views
LEAST_PRODUCTS = 20  # with the value, in strata that also have some without it
LEAST_OUTCOMES = 10  # on either side
STEPS = 20  # of Newton's, when slopes are fitted
RIDGE = 1.0  # outcomes' worth of belief in no slope
STEEPEST = 3.0  # slope of log rate over log price or log popularity
LEVEL = 0.05  # share of false discoveries among the values that are called telling (Benjamini and Hochberg 1995)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step on the way: how often `outcome` follows `base`."""

    name: str  # "view to cart", "cart to purchase", "view to purchase"; without views "purchases"
    base: Floats  # [n] times each product had the chance
    outcome: Floats  # [n] times it was taken
    even: Floats | None = None  # [n] chances once price and popularity are taken out (`level`); None: as they are


@dataclass(frozen=True, slots=True)
class Drive:
    """One value of an attribute at one stage."""

    attribute: str
    value: str
    stage: str
    ratio: float  # against like products without the value
    low: float  # 95 % interval
    high: float
    p: float  # two-sided, of a ratio of 1
    telling: bool  # holds among all values that were looked at
    products: int  # with the value, in strata that compare
    base: float  # their chances
    outcomes: float
    plain_ratio: float  # without strata: how much of it category, price and popularity explain


def stages_of(views: Floats, carts: Floats, purchases: Floats) -> list[Stage]:
    """Steps that a log can tell of. A log without views compares purchases a product."""
    if not views.sum():
        once = np.ones(len(purchases))
        found = [Stage("carts", once, carts)] if carts.sum() else []
        return [*found, Stage("purchases", once, purchases)]
    found = [Stage("view to purchase", views, purchases)]
    if carts.sum():
        found = [Stage("view to cart", views, carts), Stage("cart to purchase", carts, purchases), *found]
    return found


def strata_of(
    category: Sequence[object],
    price: Floats,
    popularity: Floats,
    currency: Sequence[object] | None = None,
    *,
    by_popularity: bool,
) -> npt.NDArray[np.int64]:
    """A number for each product's category, price band within it and its currency (NaN: a band of its own) and
    popularity band."""
    of_category = _numbered(category)
    band = np.full(len(price), PRICE_BANDS, np.int64)
    priced = np.unique(np.stack([of_category, _numbered(currency or [None] * len(price))]), axis=1, return_inverse=True)
    group = priced[1].ravel()
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        known = rows[np.isfinite(price[rows])]
        if len(known):
            ranks = np.argsort(np.argsort(price[known], kind="stable"), kind="stable")
            band[known] = ranks * PRICE_BANDS // len(known)
    popular = np.zeros(len(price), np.int64)
    if by_popularity and len(popularity):
        edges = np.quantile(popularity, np.linspace(0, 1, POPULARITY_BANDS + 1)[1:-1])
        popular = np.searchsorted(np.unique(edges), popularity, side="right")
    _, strata = np.unique(np.stack([of_category, band, popular]), axis=1, return_inverse=True)
    return strata.astype(np.int64).ravel()


def in_currency(price: Floats, currency: Sequence[object]) -> Floats:
    """Prices as multiples of the median in their currency."""
    own, found = _numbered(currency), price.copy()
    for number in range(int(own.max(initial=-1)) + 1):
        rows = np.flatnonzero((own == number) & np.isfinite(price) & (price > 0))
        if len(rows):
            found[rows] = price[rows] / np.median(price[rows])
    return found


def _numbered(names: Sequence[object]) -> npt.NDArray[np.int64]:
    known: dict[object, int] = {}
    return np.array([known.setdefault(one, len(known)) for one in names], np.int64)


def level(stage: Stage, strata: npt.NDArray[np.int64], price: Floats, popularity: Floats) -> Stage:
    """The stage with chances that price and popularity would have left equal within each stratum.

    Conditional Poisson regression: of what the products of a stratum had in all, each gets a share in proportion to its
    chances, its price and its popularity to the power of one slope each. NaN prices and no popularity count as the
    stratum's mean.
    """
    known = stage.base > 0
    own = strata[known]
    own = np.unique(own, return_inverse=True)[1]
    count = int(own.max(initial=-1)) + 1
    facts = [np.log(np.where(column[known] > 0, column[known], np.nan)) for column in (price, popularity)]
    facts = [_within(column, own, count) for column in facts]
    facts = [column for column in facts if np.any(column)]
    if not facts:
        return stage
    matrix = np.stack(facts, axis=1)  # [products, facts]
    outcome, chances = stage.outcome[known], stage.base[known]
    total = np.bincount(own, outcome, count)
    slopes = np.zeros(matrix.shape[1])
    for _ in range(STEPS):
        share = chances * np.exp(matrix @ slopes)
        share /= np.bincount(own, share, count)[own]
        expected = total[own] * share
        means = np.stack([np.bincount(own, share * column, count) for column in matrix.T], axis=1)
        rest = matrix - means[own]
        information = (rest * expected[:, None]).T @ rest + RIDGE * np.eye(len(slopes))
        step = np.linalg.solve(information, matrix.T @ (outcome - expected) - RIDGE * slopes)
        slopes = np.clip(slopes + np.clip(step, -0.5, 0.5), -STEEPEST, STEEPEST)
        if np.abs(step).max() < 1e-6:
            break
    even = stage.base.copy()
    even[known] = chances * np.exp(matrix @ slopes)
    return replace(stage, even=even)


def _within(column: Floats, own: npt.NDArray[np.int64], count: int) -> Floats:
    """Differences from the stratum's mean; 0 where nothing is known."""
    known = np.isfinite(column)
    many = np.maximum(np.bincount(own, known, count), 1)
    means = np.bincount(own, np.where(known, column, 0.0), count) / many
    return np.where(known, column - means[own], 0.0)


def drives(
    values: Mapping[tuple[str, str], npt.NDArray[np.int64]],
    asked: Mapping[str, npt.NDArray[np.bool_]],
    stages: Sequence[Stage],
    strata: npt.NDArray[np.int64],
) -> list[Drive]:
    """Every value that enough products have, the most telling first.

    `values`: (attribute, value) → rows of the products that have it; `asked`: attribute → products that have any value
    of it: only those are compared, so that a product nobody described is not counted as one without the value.
    """
    found = []
    for stage in stages:
        for (attribute, value), rows in values.items():
            drive = _drive(attribute, value, stage, rows, asked[attribute], strata)
            if drive is not None:
                found.append(drive)
    if not found:
        return []
    from scipy.stats import false_discovery_control  # half a second at the start of every server

    adjusted = false_discovery_control([one.p for one in found])
    told = [replace(one, telling=bool(q < LEVEL)) for one, q in zip(found, adjusted.tolist(), strict=True)]
    return sorted(told, key=lambda one: (not one.telling, one.p, one.attribute, one.value))


def _drive(
    attribute: str,
    value: str,
    stage: Stage,
    rows: npt.NDArray[np.int64],
    asked: npt.NDArray[np.bool_],
    strata: npt.NDArray[np.int64],
) -> Drive | None:
    """One comparison; None when there is too little to compare."""
    has = np.zeros(len(strata), np.bool_)
    has[rows] = True
    among = np.flatnonzero(asked & (stage.base > 0))
    _, own = np.unique(strata[among], return_inverse=True)
    exposed, outcome = has[among], stage.outcome[among]
    raw, base = stage.base[among], (stage.base if stage.even is None else stage.even)[among]
    count = int(own.max(initial=-1)) + 1
    n1 = np.bincount(own, base * exposed, count)
    n0 = np.bincount(own, base * ~exposed, count)
    compares = (n1 > 0) & (n0 > 0)
    kept = compares[own]
    if int((exposed & kept).sum()) < LEAST_PRODUCTS or int((~exposed & kept).sum()) < LEAST_PRODUCTS:
        return None
    a = np.bincount(own, outcome * exposed, count)
    c = np.bincount(own, outcome * ~exposed, count)
    if a[compares].sum() < LEAST_OUTCOMES or c[compares].sum() < LEAST_OUTCOMES:
        return None
    total = np.where(compares, n1 + n0, 1.0)
    with_value = float((a * n0 / total)[compares].sum())
    without = float((c * n1 / total)[compares].sum())
    ratio = with_value / without
    variance = _variance(exposed, base, outcome, own, ratio)[compares].sum()
    error = float(np.sqrt(variance)) / with_value
    if error <= 0:
        return None
    freedom = min(int((exposed & kept).sum()), int((~exposed & kept).sum())) - 1
    t = np.log(ratio) / error
    reach = float(np.exp(stdtrit(freedom, 0.975) * error))
    plain = (a.sum() / raw[exposed].sum()) / (c.sum() / raw[~exposed].sum())
    return Drive(
        attribute, value, stage.name, ratio, ratio / reach, ratio * reach, float(2 * stdtr(freedom, -abs(t))), False,
        int((exposed & kept).sum()), float(raw[exposed & kept].sum()), float(a[compares].sum()), float(plain),
    )  # fmt: skip


def _variance(
    exposed: npt.NDArray[np.bool_], base: Floats, outcome: Floats, own: npt.NDArray[np.int64], ratio: float
) -> Floats:
    """Of each stratum's share in the sum that is 0 at the ratio.

    Where it has two products or more on either side, what they differ by around their rates, each scaled up by its
    leverage (a lone product never differs from its own rate); elsewhere the square of the share itself.
    """
    count = int(own.max(initial=-1)) + 1
    n1, n0 = np.bincount(own, base * exposed, count), np.bincount(own, base * ~exposed, count)
    a, c = np.bincount(own, outcome * exposed, count), np.bincount(own, outcome * ~exposed, count)
    total = np.maximum(n1 + n0, 1e-12)
    both = np.where(exposed, n1[own], n0[own])
    rest = outcome - np.where(exposed, a[own], c[own]) * base / both
    weight = np.where(exposed, n0[own], ratio * n1[own]) / total[own]
    alone = base >= both * (1 - 1e-9)
    spread = np.square(weight * rest) / np.where(alone, 1.0, 1 - base / both) ** 2
    lone = np.bincount(own, alone, count) > 0
    share = (a * n0 - ratio * c * n1) / total
    return np.where(lone, np.square(share), np.bincount(own, spread, count))
