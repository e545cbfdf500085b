"""These together: sets of two or three products that baskets really held, counted basket by basket."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from shoplens.models.cart.neighbours import BasketNeighbours
from shoplens.models.cart.together import Together

LEAST = 5  # baskets that must have held a set: fewer are an accident
LEAST_LIFT = 1.5  # times as often as if the products were bought independently
PARTNERS = 5  # of one product that sets are made with: 10 sets of three
ANCHORS = 3  # products of the cart that sets are looked for with
WINDOW = 50_000  # latest baskets that are counted: the same for all products, or a lift would mean nothing


@dataclass(frozen=True, slots=True)
class BoughtSet:
    """Products that were bought together, one of them in the cart."""

    anchor: int  # row of the product in the cart
    others: tuple[int, ...]  # rows of one or two products
    support: int  # baskets that held all of them
    lift: float  # how many times as often as by chance

    @property
    def strength(self) -> float:
        """What sets are ordered by: how many baskets, and how far from chance."""
        return float(self.support * np.log(self.lift))


def bought_sets(
    together: Together,
    baskets: BasketNeighbours,
    items: npt.NDArray[np.int64],
    allowed: npt.NDArray[np.bool_],
    n: int,
) -> list[BoughtSet]:
    """The n strongest sets for the products of a cart; `allowed` [n_items] says what may be suggested. A product is
    suggested in one set only. The order of `items` makes no difference."""
    if n <= 0 or not len(baskets):
        return []
    found = []
    for item in together.closest(np.sort(items), allowed, ANCHORS).tolist():
        rows, _ = together.partners(item)
        found += _sets_with(baskets, item, rows[allowed[rows]][:PARTNERS].tolist())
    found.sort(key=lambda one: (-one.strength, one.anchor, one.others))
    chosen: list[BoughtSet] = []
    suggested: set[int] = set()
    for one in found:
        if len(chosen) == n:
            break
        if not suggested & set(one.others):
            chosen.append(one)
            suggested |= set(one.others)
    return chosen


def _sets_with(baskets: BasketNeighbours, item: int, partners: list[int]) -> list[BoughtSet]:
    """Sets of one product with one or two of its partners. A pair that is part of a set of three is left out."""
    first_counted = max(0, len(baskets) - WINDOW)
    total = len(baskets) - first_counted
    held = {one: baskets.baskets_with(one, first_counted) - first_counted for one in (item, *partners)}
    count = {one: len(numbers) for one, numbers in held.items()}
    there = np.zeros(total, np.bool_)
    there[held[item]] = True
    shared = {}
    for partner in partners:
        both = held[partner][there[held[partner]]]
        if len(both) >= LEAST:
            shared[partner] = both
    threes, inside = [], set()
    for first, second in combinations(shared, 2):
        there[:] = False
        there[shared[first]] = True
        support = int(np.count_nonzero(there[shared[second]]))
        lift = support * total * total / (count[item] * count[first] * count[second])
        if support >= LEAST and lift >= LEAST_LIFT:
            threes.append(BoughtSet(item, (first, second), support, float(lift)))
            inside |= {first, second}
    twos = []
    for partner, both in shared.items():
        lift = len(both) * total / (count[item] * count[partner])
        if partner not in inside and lift >= LEAST_LIFT:
            twos.append(BoughtSet(item, (partner,), len(both), float(lift)))
    return threes + twos
