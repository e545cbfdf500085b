"""These together: sets with a product of the cart, in the shop's own ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoplens.models.cart import CartModel
from shoplens.recommend.cart_reading import Read
from shoplens.recommend.learned import Learned
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Bundle:
    """Two or three products that were bought together; the first is in the cart."""

    item_ids: tuple[str, ...]
    support: int  # baskets that held all of them
    lift: float  # how many times as often as by chance


def bundles_for(
    shelf: Shelf, learned: Learned, model: CartModel, read: Read, wish: Wish, excluded: set[str], n: int
) -> tuple[Bundle, ...]:
    """The n strongest. Sets start from what really is in the cart: what stands in for newer products is left out."""
    if n <= 0:
        return ()
    ids = learned.items.ids
    own = np.array([row for row in read.asked.items.tolist() if read.said_by[row] == ids[row]], np.int64)
    allowed = shelf.offer(wish.filter, unavailable=wish.unavailable).trained.copy()
    gone = learned.items.rows(list(excluded))
    allowed[gone[gone >= 0]] = False
    allowed[own] = False
    found = []
    groups = shelf.facts.columns.group
    for one in model.sets(own, allowed, 2 * n):
        rows = (one.anchor, *one.others)
        of_variants = [int(groups[shelf.fact_row[row]]) for row in rows]
        named = [group for group in of_variants if group]
        if len(named) == len(set(named)):  # two variants of one product are no set
            found.append(Bundle(tuple(ids[row] for row in rows), one.support, round(one.lift, 2)))
    return tuple(found[:n])
