"""Nobody is known yet, or nothing has been learnt: what is popular and what is new, and the answer says so."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

from shoplens.recommend.limits import inside
from shoplens.recommend.rules import Wish, best, lift
from shoplens.recommend.shelf import Shelf

NEW_EVERY = 4  # each fourth place shows something new; the rest is what others want


def popular_and_new(
    shelf: Shelf, wish: Wish, excluded: AbstractSet[str], band: tuple[float, float] | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Facts rows and their scores: popular products with new ones in between, of those that the wish allows and whose
    price lies in the band.

    Scores fall evenly from 1: they say the order, because popularity and newness have no common unit.
    """
    if excluded or band is not None:
        chosen = _popular_and_new(shelf, wish, excluded, band)
    else:  # the first page of everybody who is not known yet: the same until the shop changes
        asked = (wish.filter, wish.unavailable, wish.boost, wish.n)
        chosen = shelf.kept(("cold", *asked, shelf.trending.changes), lambda: _popular_and_new(shelf, wish, excluded))
    return chosen, np.linspace(1.0, 0.0, len(chosen), endpoint=False, dtype=np.float32)


def _popular_and_new(
    shelf: Shelf, wish: Wish, excluded: AbstractSet[str], band: tuple[float, float] | None = None
) -> npt.NDArray[np.int64]:
    mask = shelf.offer(wish.filter, unavailable=wish.unavailable).facts.copy()
    if band is not None:
        mask &= inside(shelf.facts.columns.price[: len(mask)], band)
    rows = shelf.facts.rows(excluded)
    mask[rows[rows < len(mask)]] = False
    popular = shelf.popularity()[: len(mask)]
    mask = mask[: len(popular)]
    boosts = [(shelf.offer(boost.filter, unavailable=True).facts[: len(mask)], boost.by) for boost in wish.boost]
    rows_wanted = np.flatnonzero(mask & (popular > 0))
    wanted = rows_wanted[best(lift(popular, rows_wanted, boosts)[rows_wanted], wish.n)]
    latest = newest(shelf, mask, wish.n)
    order: list[int] = []
    taken: set[int] = set()
    sources = [iter(wanted.tolist()), iter(latest.tolist())]
    for place in range(1, wish.n + 1):
        first = 1 if place % NEW_EVERY == 0 else 0
        for source in (sources[first], sources[1 - first]):
            row = next((one for one in source if one not in taken), None)
            if row is not None:
                taken.add(row)
                order.append(row)
                break
    return np.array(order, np.int64)


def newest(shelf: Shelf, mask: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.int64]:
    """Facts rows by creation time, latest first; products without one count as older, latest arrival first."""
    rows = np.flatnonzero(mask)
    created = shelf.facts.columns.created[rows]
    if len(rows) > n:
        # Later rows first among equals, so that the partition keeps the latest arrivals.
        edge = np.partition(created, len(rows) - n)[len(rows) - n]
        sure = rows[created > edge]
        tied = rows[created == edge]
        rows = np.concatenate([sure, tied[len(tied) - (n - len(sure)) :]])
        created = shelf.facts.columns.created[rows]
    latest: npt.NDArray[np.int64] = rows[np.lexsort((-rows, -created))]
    return latest
