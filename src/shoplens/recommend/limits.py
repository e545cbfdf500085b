"""Rules that look at a list as a whole: a few of each brand and category, pins, and a band of prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.recommend.past import Past
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf

LATEST = 10  # deeds whose products say at which prices somebody looks


def limited(shelf: Shelf, rows: npt.NDArray[np.int64], wish: Wish) -> npt.NDArray[np.int64]:
    """Positions that stay when no brand and no category comes more often than the wish allows; `rows`: facts rows, best
    first. What stands `before` them counts. A product without brand, or without category, is limited by the other."""
    columns, above = shelf.facts.columns, shelf.facts.rows(wish.before)
    rules = [(columns.brand, wish.per_brand), (columns.category, wish.per_category)]
    asked = [(codes[rows].tolist(), most, Counter(codes[above].tolist())) for codes, most in rules if most is not None]
    kept = []
    for position in range(len(rows)):
        if all(not codes[position] or met[codes[position]] < most for codes, most, met in asked):
            kept.append(position)
            for codes, _, met in asked:
                met[codes[position]] += 1
    return np.array(kept, np.int64)


def pinned(shelf: Shelf, wish: Wish, allowed: npt.NDArray[np.bool_]) -> list[str]:
    """What the wish pins and may be shown; `allowed`: over facts rows."""
    rows = shelf.facts.rows(wish.pin).tolist()
    return [name for name, row in zip(wish.pin, rows, strict=True) if 0 < row < len(allowed) and allowed[row]][: wish.n]


def price_band(shelf: Shelf, wish: Wish, past: Past) -> tuple[float, float] | None:
    """Lowest and highest price that the wish's band means here; None without one, or when no price is known."""
    if wish.price_band is None:
        return None
    if wish.viewing is not None:
        told: Sequence[str] = (wish.viewing,)
    else:
        told = wish.cart or [deed.item_id for deed in past.deeds if deed.weight > 0][-LATEST:]
    rows = shelf.facts.rows(told)
    prices = shelf.facts.columns.price[rows[rows > 0]]
    prices = prices[np.isfinite(prices)]
    if not len(prices):
        return None
    middle = float(np.median(prices))
    return middle * wish.price_band[0], middle * wish.price_band[1]


def inside(prices: npt.NDArray[np.float64], band: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Prices within the band; one that is not known never is."""
    with np.errstate(invalid="ignore"):
        return np.asarray((prices >= band[0]) & (prices <= band[1]), np.bool_)
