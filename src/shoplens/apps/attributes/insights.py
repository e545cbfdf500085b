"""Which values of attributes go with views that become carts, and carts that become purchases.

Products with a value are compared with those without it, within strata of one category, one band of prices and one of
popularity, and the strata are added up by Mantel and Haenszel (1959; for rates Greenland and Robins 1985). A ratio of
1.2 says: 20 % more often than like products without the value. Products are the sampling unit, not events (a much
viewed product is still one product): the variance of the logarithm is linearised over products. It is what goes
together in this shop, not what would happen if the value were changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Floats = npt.NDArray[np.float64]

PRICE_BANDS = 4  # of a category's prices, equally many products each
POPULARITY_BANDS = 4  # of the whole shop's views
LEAST_PRODUCTS = 20  # with the value, in strata that also have some without it
LEAST_OUTCOMES = 10  # on either side
LEVEL = 0.05  # share of false discoveries among the values that are called telling (Benjamini and Hochberg 1995)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step on the way: how often `outcome` follows `base`."""

    name: str  # "view to cart", "cart to purchase", "view to purchase"; without views "purchases"
    base: Floats  # [n] times each product had the chance
    outcome: Floats  # [n] times it was taken


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
    category: Sequence[object], price: Floats, popularity: Floats, *, by_popularity: bool
) -> npt.NDArray[np.int64]:
    """A number for each product's category, price band within it (NaN: a band of its own) and popularity band."""
    names: dict[object, int] = {}
    of_category = np.array([names.setdefault(one, len(names)) for one in category], np.int64)
    band = np.full(len(price), PRICE_BANDS, np.int64)
    order = np.argsort(of_category, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(of_category[order])) + 1):
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
    exposed, base, outcome = has[among], stage.base[among], stage.outcome[among]
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
    rate1, rate0 = a / np.where(compares, n1, 1.0), c / np.where(compares, n0, 1.0)
    pull = np.where(
        exposed,
        (n0 / total)[own] * (outcome - rate1[own] * base) / with_value,
        -(n1 / total)[own] * (outcome - rate0[own] * base) / without,
    )
    error = float(np.sqrt(np.square(pull[kept]).sum()))
    if error <= 0:
        return None
    z = np.log(ratio) / error
    reach = float(np.exp(ndtri(0.975) * error))
    plain = (a.sum() / n1.sum()) / (c.sum() / n0.sum())
    return Drive(
        attribute, value, stage.name, ratio, ratio / reach, ratio * reach, float(2 * ndtr(-abs(z))), False,
        int((exposed & kept).sum()), float(n1[compares].sum()), float(a[compares].sum()), float(plain),
    )  # fmt: skip
