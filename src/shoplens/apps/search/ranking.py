"""One page out of a ranking: variants take one place, pinned products stand where the shop put them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from shoplens.apps.search.paging import Cursor, Keys, Rows, after, first
from shoplens.apps.search.variants import Codes, count_products, first_of_groups, variants_of
from shoplens.recommend.facts import CatalogueFacts


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """All products that are ranked, in no order; `keys` put them in order. None of them is pinned."""

    rows: Rows
    keys: Keys
    groups: Codes  # 0 = no variants, or they are not grouped
    pins: Sequence[tuple[int, int]] = ()  # place from 1, row

    @classmethod
    def without_pinned(
        cls, rows: Rows, keys: Keys, groups: Codes, pins: Sequence[tuple[int, int]], facts: CatalogueFacts
    ) -> Self:
        """The ranking with pinned products, and other variants of them, taken out of their natural places."""
        if pins:
            pinned = np.array([row for _, row in pins], np.int64)
            codes = facts.group(pinned)
            gone = np.isin(rows, pinned) | ((groups > 0) & np.isin(groups, codes[codes > 0]))
            rows, groups, keys = rows[~gone], groups[~gone], tuple(column[~gone] for column in keys)
        return cls(rows, keys, groups, tuple(pins))

    def total(self) -> int:
        """Places there are."""
        return count_products(self.groups) + len(self.pins)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What stands on one page."""

    rows: list[int]
    places: list[int]  # in the ranking's arrays; -1 for pinned products
    variants: dict[int, list[int]]  # row → rows of its other variants
    last: Cursor  # where the page ended
    more: bool  # whether anything follows


def turn_to(ranking: Ranking, start: Cursor, n: int, total: int) -> Page:
    """The n places behind a cursor. `total`: of the ranking."""
    pinned = _places_of_pins(ranking.pins, total)
    here = [row for place, row in pinned if start.shown < place <= start.shown + n]
    wanted = min(n, max(total - start.shown, 0)) - len(here)
    order = _natural(ranking, start.after, max(wanted, 0))
    rows: list[int] = []
    places: list[int] = []
    natural = iter(order.tolist())
    by_place = dict(pinned)
    for place in range(start.shown + 1, start.shown + n + 1):
        if place in by_place:
            rows.append(by_place[place])
            places.append(-1)
            continue
        at = next(natural, None)
        if at is not None:
            rows.append(int(ranking.rows[at]))
            places.append(at)
    shown = start.shown + len(rows)
    last = order[-1] if len(order) else None
    keys = start.after if last is None else tuple(float(column[last]) for column in ranking.keys)
    variants = {
        int(ranking.rows[at]): ranking.rows[others].tolist()
        for at, others in variants_of(ranking.keys, ranking.groups, order).items()
    }
    return Page(rows, places, variants, Cursor(start.of, shown, keys), bool(rows) and shown < total)


def skip(ranking: Ranking, of: str, shown: int, total: int) -> Cursor:
    """The cursor behind the first `shown` places: where a numbered page begins."""
    if shown == 0:
        return Cursor(of, 0, ())
    before = shown - sum(place <= shown for place, _ in _places_of_pins(ranking.pins, total))
    order = _natural(ranking, (), before)
    if not len(order):
        return Cursor(of, shown, ())
    return Cursor(of, shown, tuple(float(column[order[-1]]) for column in ranking.keys))


def _natural(ranking: Ranking, behind: tuple[float, ...], count: int) -> Rows:
    """Places (in the arrays) of the next products that are not pinned."""
    if count <= 0 or not len(ranking.rows):
        return np.zeros(0, np.int64)
    beyond = after(ranking.keys, behind) if behind else np.ones(len(ranking.rows), bool)
    among = np.flatnonzero(beyond)
    if not ranking.groups.any():
        return first(ranking.keys, count, among)
    before = ranking.groups[~beyond]
    return first_of_groups(ranking.keys, ranking.groups, count, among, before[before > 0])


def _places_of_pins(pins: Sequence[tuple[int, int]], total: int) -> list[tuple[int, int]]:
    """Each pin at its place, or at the next free one; none beyond the end."""
    placed: list[tuple[int, int]] = []
    for place, row in sorted(pins, key=lambda pair: pair[0]):
        behind = placed[-1][0] + 1 if placed else 1
        placed.append((max(behind, place), row))
    limit = total
    for at in range(len(placed) - 1, -1, -1):
        placed[at] = min(placed[at][0], limit), placed[at][1]
        limit = placed[at][0] - 1
    return placed
