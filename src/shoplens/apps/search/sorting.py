"""Orders other than relevance, as keys for `paging`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.paging import MISSING, Keys, Rows
from shoplens.ingest.units import measured
from shoplens.recommend.asking import Sort
from shoplens.recommend.facts import CatalogueFacts

Values = npt.NDArray[np.float64]
Popularity = Callable[[Rows], npt.NDArray[np.float32]]
LETTERS = 12  # bytes of a text that decide its place: two keys of 6 bytes, which a double holds exactly


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
    return _attribute(field.partition(".")[2], rows, facts)


def _attribute(name: str, rows: Rows, facts: CatalogueFacts) -> tuple[Values, ...]:
    """Numbers before texts: (text or number), number or first bytes, next bytes."""
    name = name.casefold()
    known: dict[str, tuple[float, float, float]] = {}
    table = np.full((len(rows), 3), np.nan)
    for place, row in enumerate(rows.tolist()):
        values = next((some for key, some in facts.attributes_of(row).items() if key.casefold() == name), ())
        if not values:
            continue
        value = values[0]
        if value not in known:
            known[value] = _value_key(value, size=name in ("size", "sizes"))
        table[place] = known[value]
    return table[:, 0], table[:, 1], table[:, 2]


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
