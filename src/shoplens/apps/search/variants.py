"""Variants of one product (the same `group_id`) take one place in a ranking: the first of them stands for all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.paging import Keys, Rows, first

MOST = 100  # variants named beside one product
Codes = npt.NDArray[np.int64]


def count_products(groups: Codes) -> int:
    """How many places a ranking has, groups counting once; code 0 is no group."""
    some = groups[groups > 0]
    return int(len(groups) - len(some)) + (int(np.count_nonzero(np.bincount(some))) if len(some) else 0)


def first_of_groups(keys: Keys, groups: Codes, count: int, among: Rows, taken: Codes) -> Rows:
    """The first `count` places of a ranking in which a group has one place. Groups in `taken` have had theirs.

    among: places to choose from (int64); keys and groups: of all places.
    """
    if len(taken):
        had = np.zeros(int(max(groups.max(initial=0), taken.max())) + 1, bool)
        had[taken] = True
        had[0] = False
        among = among[~had[groups[among]]]
    many = count
    while True:
        order = first(keys, many, among)
        codes = groups[order]
        new = np.ones(len(order), bool)
        grouped = np.flatnonzero(codes > 0)
        _, where = np.unique(codes[grouped], return_index=True)
        new[grouped] = False
        new[grouped[where]] = True
        if int(new.sum()) >= count or len(order) == len(among):
            return order[new][:count]
        many *= 4


def variants_of(keys: Keys, groups: Codes, chosen: Rows) -> dict[int, Rows]:
    """Place of a product → places of the other members of its group, in order."""
    codes = groups[chosen]
    wanted = codes[codes > 0]
    if not len(wanted):
        return {}
    table = np.zeros(int(groups.max()) + 1, bool)
    table[wanted] = True
    members = np.flatnonzero(table[groups])
    members = members[np.lexsort(tuple(column[members] for column in reversed(keys)))]
    result: dict[int, Rows] = {}
    for place, code in zip(chosen.tolist(), codes.tolist(), strict=True):
        if code > 0:
            others = members[(groups[members] == code) & (members != place)]
            if len(others):
                result[place] = others[:MOST]
    return result
