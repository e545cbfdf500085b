"""One page out of a ranking: variants take one place, pinned products stand where the shop put them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.paging import Cursor, Keys, Rows, TieKeys, after, first
from shoplens.apps.search.variants import Codes, count_products, first_of_groups, variants_of
from shoplens.recommend.facts import CatalogueFacts


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """All products that are ranked, in no order; `keys` put them in order. None of them is pinned."""

    rows: Rows
    keys: Keys
    groups: Codes  # 0 = no variants, or they are not grouped
    ties: TieKeys
    pins: Sequence[tuple[int, int]] = ()  # place from 1, row

    def without_pinned(self, pins: Sequence[tuple[int, int]], facts: CatalogueFacts) -> Ranking:
        """The ranking with pinned products, and other variants of them, taken out of their natural places."""
        if not pins:
            return self
        pinned = np.array([row for _, row in pins], np.int64)
        codes = facts.group(pinned)
        kept = ~np.isin(self.rows, pinned)
        kept &= (self.groups == 0) | ~np.isin(self.groups, codes[codes > 0])
        keys = tuple(column[kept] for column in self.keys)
        return Ranking(self.rows[kept], keys, self.groups[kept], self.ties, tuple(pins))

    def total(self) -> int:
        """Places there are."""
        return count_products(self.groups) + len(self.pins)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What stands on one page."""

    rows: list[int]
    pinned: frozenset[int]  # rows that the shop put where they are
    variants: dict[int, list[int]]  # row → rows of its other variants
    last: Cursor  # where the page ended
    more: bool  # whether anything follows


def turn_to(ranking: Ranking, start: Cursor, n: int, *, goes_on: bool = False) -> Page:
    """The n places behind a cursor. `goes_on`: further products follow that are not in the ranking.

    The end is where nothing is left that was not shown: products that were shown and are gone since do not count.
    """
    gone = _gone(ranking, start)
    waiting = [(place, row) for place, row in _asked_places(ranking.pins) if place > start.shown]
    end = start.shown + _left(ranking, gone) + len(waiting)
    pinned = dict(_before_end(waiting, end))
    places = range(start.shown + 1, min(start.shown + n, end) + 1)
    order = _natural(ranking, gone, sum(place not in pinned for place in places))
    natural = iter(ranking.rows[order].tolist())
    placed = (pinned[place] if place in pinned else next(natural, None) for place in places)
    rows = [row for row in placed if row is not None]
    last = order[-1] if len(order) else None
    keys = start.after if last is None else tuple(float(column[last]) for column in ranking.keys)
    shown = start.shown + len(rows)
    last_shown = start.moved(shown, keys, ranking.ties.short(np.array(rows, np.int64)))
    variants = {
        int(ranking.rows[place]): ranking.rows[others].tolist()
        for place, others in variants_of(ranking.keys, ranking.groups, order).items()
    }
    more = bool(rows) and (goes_on or shown < end)
    return Page(rows, frozenset(pinned.values()), variants, last_shown, more)


def skip(ranking: Ranking, of: str, shown: int) -> Cursor:
    """The cursor behind the first `shown` places: where a numbered page begins."""
    pinned = _before_end(_asked_places(ranking.pins), ranking.total())
    before = shown - sum(place <= shown for place, _ in pinned)
    order = _natural(ranking, np.zeros(len(ranking.rows), bool), before)
    if not len(order):
        return Cursor(of, shown)
    return Cursor(of, shown, tuple(float(column[order[-1]]) for column in ranking.keys))


def _gone(ranking: Ranking, start: Cursor) -> npt.NDArray[np.bool_]:
    """Products that were shown, as far as the cursor can tell. bool [products]"""
    gone = start.has_shown(ranking.ties.short(ranking.rows))
    if start.after and not start.names_all:
        gone |= ~after(ranking.keys, start.after)
    return gone


def _left(ranking: Ranking, gone: npt.NDArray[np.bool_]) -> int:
    """Places that products take which were not shown; a group of which one was shown takes none."""
    had = ranking.groups[gone]
    left = ranking.groups[~gone]
    return count_products(left[(left == 0) | ~np.isin(left, had[had > 0])]) if had.any() else count_products(left)


def _natural(ranking: Ranking, gone: npt.NDArray[np.bool_], count: int) -> Rows:
    """Places (in the arrays) of the next products that are not pinned."""
    if count <= 0 or not len(ranking.rows):
        return np.zeros(0, np.int64)
    among = np.flatnonzero(~gone)
    if not ranking.groups.any():
        return first(ranking.keys, count, among)
    had = ranking.groups[gone]
    return first_of_groups(ranking.keys, ranking.groups, count, among, had[had > 0])


def _asked_places(pins: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Each pin at its place, or at the next free one."""
    placed: list[tuple[int, int]] = []
    for place, row in sorted(pins, key=lambda pair: pair[0]):
        behind = placed[-1][0] + 1 if placed else 1
        placed.append((max(behind, place), row))
    return placed


def _before_end(placed: Sequence[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Pins drawn forward so that none stands beyond the end."""
    result = list(placed)
    limit = end
    for at in range(len(result) - 1, -1, -1):
        result[at] = min(result[at][0], limit), result[at][1]
        limit = result[at][0] - 1
    return result
