"""Prices far from those of their like: robust z-scores of log prices within a type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t

FAR = 4.5  # robust standard deviations of the logarithm
LEAST_PRICES = 12  # of one type and currency, to say what is usual
LEAST_FACTOR = 3.0  # times the usual price, or a part of it: less is never strange, however narrow the type
SLOPES = np.linspace(
    0.0, 1.0, 21
)  # of log price over log amount that are tried: twice as much costs up to twice as much
FLOOR = 0.15  # smallest standard deviation: prices of one type that are all equal say little of the next one


class StrangePrice(NamedTuple):
    """A price that is far from the others of its type."""

    row: int
    usual: float  # median of the type
    low: float  # what 95 % of the type's prices would lie between, if their logarithms were normal
    high: float
    z: float
    confidence: float  # 1 - what the tails of a long-tailed distribution (t, 3 degrees) hold


def strange_prices(
    prices: npt.NDArray[np.float64], group: Sequence[object], amounts: npt.NDArray[np.float64] | None = None
) -> list[StrangePrice]:
    """Of prices above 0 (NaN: unknown) within groups. With `amounts` (contents; NaN: unknown) large packs may cost
    more: what the contents explain is taken out first (a line through the logarithms)."""
    logs = np.log(np.where(prices > 0, prices, np.nan))
    members: dict[object, list[int]] = {}
    for row in np.flatnonzero(np.isfinite(logs)).tolist():
        members.setdefault(group[row], []).append(row)
    found = []
    for rows in members.values():
        if len(rows) < LEAST_PRICES:
            continue
        own = logs[rows]
        expected = _expected(own, None if amounts is None else amounts[rows])
        rest = own - expected
        middle = float(np.median(rest))
        spread = max(1.4826 * float(np.median(np.abs(rest - middle))), FLOOR)
        z = (rest - middle) / spread
        far = (np.abs(z) >= FAR) & (np.abs(rest - middle) >= np.log(LEAST_FACTOR))
        for place in np.flatnonzero(far).tolist():
            usual = float(np.exp(expected[place] + middle))
            found.append(
                StrangePrice(
                    rows[place],
                    usual,
                    usual * float(np.exp(-1.96 * spread)),
                    usual * float(np.exp(1.96 * spread)),
                    float(z[place]),
                    1 - 2 * float(t.sf(abs(z[place]), 3)),
                )
            )
    return sorted(found, key=lambda one: -abs(one.z))


def _expected(logs: npt.NDArray[np.float64], amounts: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
    """What the amounts alone say of each log price: the line that is nearest to them in absolute terms, so that strange
    prices hardly bend it, at most in proportion; 0 where nothing is known."""
    nothing = np.zeros(len(logs))
    if amounts is None:
        return nothing
    sizes = np.log(np.where(amounts > 0, amounts, np.nan))
    known = np.isfinite(sizes)
    if known.sum() < LEAST_PRICES or np.nanmax(sizes) - np.nanmin(sizes) < np.log(1.5):
        return nothing
    own, from_middle = logs[known], sizes[known] - np.median(sizes[known])
    rests = own - SLOPES[:, None] * from_middle  # [slopes, products]
    slope = SLOPES[np.abs(rests - np.median(rests, axis=1, keepdims=True)).sum(1).argmin()]
    expected = nothing.copy()
    expected[known] = slope * from_middle
    return expected
