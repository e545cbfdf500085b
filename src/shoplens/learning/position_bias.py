"""How likely people look at each place of a list, read off a log in which products changed their places.

A click needs a look and a liking: P(click) = θ(place) · liking(query, product). Where one product was shown for one
query at different places, the liking falls out and what remains is the ratio of two θ. Such pairs are harvested from
the ordinary life of a shop (new products, stock, prices, another model), so that nobody has to be shown a shuffled
list: Agarwal, Zaitsev, Wang, Li, Najork and Joachims, Estimating position bias without intrusive interventions, 2019.

Most pairs are seen a few times only. Ratios over many small strata are the problem that Mantel and Haenszel solved;
their estimate stays consistent when strata grow in number, not in size: Greenland and Robins, Estimation of a common
effect parameter from sparse follow-up data, 1985, which gives the variance as well. All ratios together, and a prior
for places of which the log says nothing, make one weighted least-squares problem in log θ.

What it cannot see: where products stand higher for those who like them more (a personal order), the ratio of θ takes
that for looking.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

EDGES = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 21, 31, 51])  # first place of each step; the last has no end
PRIOR_SLOPE = 0.7  # θ = place ^ -slope, about what logs of shops show
PRIOR_SPREAD = 0.3  # standard deviation of log θ from one step to the next, by which the prior may be wrong
LEAST = 0.05  # no place counts as looked at less: one click there would outweigh twenty at the top
_MATCHED = 5.0  # clicks on both sides before a ratio is used: the variance of less cannot be told


def steps(place: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Step of each place (first = 1)."""
    return np.asarray(np.searchsorted(EDGES, place, "right") - 1, np.int64)


def position_bias(
    pair: npt.NDArray[np.int64], place: npt.NDArray[np.integer], clicked: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """θ of each step, 1 at the first, never rising. float64 [len(EDGES)]

    All [n], one entry a product that was shown: which query and product it was, at which place, whether taken.
    """
    step, size = steps(place), len(EDGES)
    names, stratum = np.unique(pair, return_inverse=True)
    cell = stratum * size + step
    shown = np.bincount(cell, minlength=len(names) * size).reshape(-1, size).astype(np.float64)
    taken = np.bincount(cell, clicked, len(names) * size).reshape(-1, size)
    moved = (shown > 0).sum(axis=1) > 1  # the others say nothing about places
    shown, taken = shown[moved], taken[moved]
    rows: list[npt.NDArray[np.float64]] = []
    ratios: list[float] = []
    weights: list[float] = []
    for lower in range(size):
        for upper in range(lower):
            found = _ratio(shown[:, lower], taken[:, lower], shown[:, upper], taken[:, upper])
            if found is not None:
                row = np.zeros(size)
                row[lower], row[upper] = 1, -1
                rows.append(row)
                ratios.append(found[0])
                weights.append(1 / np.sqrt(found[1]))
    expected = -PRIOR_SLOPE * np.log(EDGES)
    for step_down in range(1, size):
        row = np.zeros(size)
        row[step_down], row[step_down - 1] = 1, -1
        rows.append(row)
        ratios.append(float(expected[step_down] - expected[step_down - 1]))
        weights.append(1 / PRIOR_SPREAD)
    matrix = np.array(rows)[:, 1:]  # log θ of the first step is 0
    factor = np.array(weights)
    solved, *_ = np.linalg.lstsq(matrix * factor[:, None], np.array(ratios) * factor, rcond=None)
    falling = isotonic_regression(np.concatenate([[0.0], solved]), increasing=False).x
    return np.asarray(np.clip(np.exp(falling - falling[0]), LEAST, 1.0), np.float64)


def _ratio(
    shown_low: npt.NDArray[np.float64],
    taken_low: npt.NDArray[np.float64],
    shown_high: npt.NDArray[np.float64],
    taken_high: npt.NDArray[np.float64],
) -> tuple[float, float] | None:
    """Mantel–Haenszel estimate of log θ(low)/θ(high) over strata, and its variance; None when too few were taken."""
    both = (shown_low > 0) & (shown_high > 0)
    if taken_low[both].sum() < _MATCHED or taken_high[both].sum() < _MATCHED:
        return None
    n1, c1, n0, c0 = shown_low[both], taken_low[both], shown_high[both], taken_high[both]
    total = n1 + n0
    above, below = (c1 * n0 / total).sum(), (c0 * n1 / total).sum()
    variance = ((n1 * n0 * (c1 + c0) - c1 * c0 * total) / total**2).sum() / (above * below)
    return float(np.log(above / below)), max(float(variance), 1e-6)
