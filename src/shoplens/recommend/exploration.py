"""A share of places left to chance, so that the shop learns about products that its model would never show.

Every place is, with the probability `share`, filled with any candidate of the pool that is not shown yet, all equally
likely; else with the best one that is left. How likely each product was to stand where it stands is known exactly, and
logged: what happened can be reweighed later as if another model had chosen (inverse propensity scoring: Bottou et al.,
Counterfactual reasoning and learning systems, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def explore(
    order: npt.NDArray[np.int64], n: int, share: float, random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The n shown of a pool given best first (`order`, any numbers), and the chance of each to stand where it stands,
    given what stands before it. [min(n, len(order))] both."""
    left = order.tolist()
    count = min(n, len(left))
    shown, chances = np.zeros(count, np.int64), np.zeros(count)
    tossed = random.random(count) < share
    for place in range(count):
        chosen = int(random.integers(len(left))) if tossed[place] else 0
        chances[place] = share / len(left) + (1.0 - share if chosen == 0 else 0.0)
        shown[place] = left.pop(chosen)
    return shown, chances


def chances_of(
    pool: Sequence[str], shown: Sequence[str], share: float
) -> tuple[npt.NDArray[np.float64], list[list[str]]]:
    """How likely `explore` over this pool (best first, no repeats) is to show each of `shown` where it stands, given
    what stands before it; 0 for what is not in the pool. And for each place what is left of the pool, best first."""
    left = list(pool)
    chances = np.zeros(len(shown))
    remaining = []
    for place, item in enumerate(shown):
        remaining.append(list(left))
        if item in left:
            chances[place] = share / len(left) + (1.0 - share if item == left[0] else 0.0)
            left.remove(item)
    return chances, remaining
