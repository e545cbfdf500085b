"""Orders other than relevance, as keys for `paging`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.paging import MISSING, Keys, Rows
from shoplens.ingest.units import measured
from shoplens.recommend.asking import Sort
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.filters import OneOf

Values = npt.NDArray[np.float64]
Popularity = Callable[[Rows], npt.NDArray[np.float32]]
LETTERS = 12  # bytes of a text that decide its place: two keys of 6 bytes, which a double holds exactly


FEW_VALUES = 64  # of an attribute, up to which it is quicker to go through values than through products
RELEVANCE_KEYS = 2
_COLUMNS = {"relevance": RELEVANCE_KEYS, "attributes": 3}  # keys of a field; of others one


def count_keys(sorts: Sequence[Sort]) -> int:
    """How many keys a ranking has that is sorted so: relevance and what tells products apart come last."""
    return sum(_COLUMNS.get(one.field.partition(".")[0], 1) for one in sorts) + RELEVANCE_KEYS + 1


def sort_keys(
    sorts: Sequence[Sort], rows: Rows, *, facts: CatalogueFacts, popularity: Popularity, relevance: Keys
) -> Keys:
    """Columns of keys, ascending in the order that is wanted. `relevance`: keys of that order. [len(rows)] each"""
    keys: list[npt.NDArray[np.float64]] = []
    for sort in sorts:
        if sort.field == "relevance":
            keys.extend(relevance if sort.descending else tuple(-column for column in relevance))
            continue
        keys.extend(_directed(column, sort.descending) for column in _columns(sort.field, rows, facts, popularity))
    return tuple(keys)


def _columns(field: str, rows: Rows, facts: CatalogueFacts, popularity: Popularity) -> tuple[Values, ...]:
    """Ascending values, NaN where unknown. [len(rows)] each"""
    columns = facts.columns
    if field == "price":
        return (columns.price[rows],)
    if field == "created_at":
        created = columns.created[rows].astype(np.float64)
        created[created == 0] = np.nan
        return (created,)
    if field == "popularity":
        return (popularity(rows).astype(np.float64),)
    return _attribute(field, rows, facts)


def _attribute(field: str, rows: Rows, facts: CatalogueFacts) -> tuple[Values, ...]:
    """Numbers before texts: text or number, number or first bytes, next bytes. Of several values the least counts."""
    size = field.partition(".")[2].casefold() in ("size", "sizes", "尺码", "尺寸")
    table = np.full((len(rows), 3), np.nan)
    values = facts.values_of(field)
    if len(values) > FEW_VALUES:
        for place, row in enumerate(rows.tolist()):
            own = _values_of(facts, row, field)
            if own:
                table[place] = min(_value_key(value, size=size) for value in own)
    else:
        keys = sorted(((_value_key(value, size=size), value) for value in values), reverse=True)
        for key, value in keys:  # the smallest last, over what was there
            mask = facts.mask(OneOf(field, (value,)))
            table[mask[rows]] = key
    return table[:, 0], table[:, 1], table[:, 2]


def _values_of(facts: CatalogueFacts, row: int, field: str) -> tuple[str, ...]:
    name = field.partition(".")[2].casefold()
    return next((some for key, some in facts.attributes_of(row).items() if key.casefold() == name), ())


def _value_key(value: str, *, size: bool) -> tuple[float, float, float]:
    measure = measured(value, size=size)
    if measure is not None:
        return 0.0, measure.amount, 0.0
    said = value.casefold().encode("utf-8", "surrogatepass")[:LETTERS].ljust(LETTERS, b"\0")
    half = LETTERS // 2
    return 1.0, float(int.from_bytes(said[:half])), float(int.from_bytes(said[half:]))


def _directed(column: Values, descending: bool) -> Values:
    """Ascending in the wanted direction; what is unknown comes last either way."""
    keys = -column if descending else column.copy()
    keys[np.isnan(keys)] = MISSING
    return keys
