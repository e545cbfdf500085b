"""How products spread over the values of a field: what facets of a search show. All of it over a mask of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import RELATIONS, Availability
from shoplens.errors import InputError
from shoplens.recommend.fact_tables import FactTables
from shoplens.recommend.filters import ATTRIBUTE, NUMBERS
from shoplens.recommend.masks import attribute, numbers_of
from shoplens.recommend.value_column import Mask, ValueColumn

Counts = npt.NDArray[np.int64]
VALUE_FIELDS = ("category", "brand", "availability")
_AVAILABILITIES = ("", *(one.value for one in Availability))  # by code


def facet_fields(tables: FactTables) -> list[str]:
    """Fields that products can be told apart by, those that most products have first."""
    columns = tables.columns
    here = columns.listed
    having = {
        "category": columns.category != 0,
        "brand": columns.brand != 0,
        "availability": columns.availability != 0,
        "price": ~np.isnan(columns.price),
        "stock": ~np.isnan(columns.stock),
        "created_at": columns.created != 0,
    }
    found = {field: int(np.count_nonzero(known & here)) for field, known in having.items()}
    for name, column in list(tables.attributes.items()):
        if name not in RELATIONS:
            found[f"{ATTRIBUTE}{column.name}"] = column.holders
    return sorted((field for field, count in found.items() if count), key=lambda field: -found[field])


def value_counts(
    tables: FactTables, field: str, mask: Mask, limit: int | None, *, depth: int = 1
) -> list[tuple[str, int]]:
    """Values and how many products of the mask have each, most frequent first; categories at one depth, as paths."""
    columns = tables.columns
    size = min(len(mask), len(columns))
    mask = mask[:size]
    match field:
        case "category":
            nodes = np.bincount(columns.category[:size][mask])
            at_depth = tables.tree.at_depth(depth)[: len(nodes)]
            counts = np.bincount(at_depth, nodes[: len(at_depth)]).astype(np.int64)
            return [(tables.tree.text(code), count) for code, count in _largest(counts, limit)]
        case "brand":
            counts = np.bincount(columns.brand[:size][mask])
            return [(tables.brands.shown[code], count) for code, count in _largest(counts, limit)]
        case "availability":
            counts = np.bincount(columns.availability[:size][mask])
            return [(_AVAILABILITIES[code], count) for code, count in _largest(counts, limit)]
    column = _column(tables, field)
    if column is None:
        return []
    counts = column.counts(mask, tables.stamps)
    return [(column.values.shown[code], count) for code, count in _largest(counts, limit)]


def number_range(tables: FactTables, field: str, mask: Mask) -> tuple[float, float] | None:
    """Smallest and largest number of the field; None when no product of the mask has one."""
    numbers, _ = _numbers(tables, field, mask)
    return (float(numbers.min()), float(numbers.max())) if len(numbers) else None


def number_histogram(tables: FactTables, field: str, mask: Mask, bins: int) -> list[int]:
    """Products in equal steps from the smallest to the largest number; empty when none has one."""
    numbers, weights = _numbers(tables, field, mask)
    if not len(numbers) or bins < 1:
        return []
    low, high = float(numbers.min()), float(numbers.max())
    step = (
        (numbers - low) * (bins / (high - low)) if high > low and math.isfinite(high - low) else np.zeros(len(numbers))
    )
    place = np.minimum(step.astype(np.int64), bins - 1)
    return [int(count) for count in np.bincount(place, weights, minlength=bins)]


def says_numbers(tables: FactTables, field: str) -> bool:
    """Whether a field is one of numbers: price, stock, created_at, and attributes whose values are mostly numbers."""
    if field in NUMBERS or field in VALUE_FIELDS:
        return field in NUMBERS
    column = _column(tables, field)
    return column is not None and column.numeric()[0]


def unit_of(tables: FactTables, field: str) -> str:
    """Unit in which most of an attribute's numbers are: ml, g, mm, or the shop's own; "" for none."""
    column = _column(tables, field) if field.startswith(ATTRIBUTE) else None
    return "" if column is None else column.numeric()[1]


def present_values(tables: FactTables, field: str) -> Mapping[str, str]:
    """Values that products of the catalogue have now: letter case folded → as first spelled; categories as paths."""
    match field:
        case "category":
            return tables.tree.present()
        case "brand":
            return tables.brands.present()
        case "availability":
            return {one.value: one.value for one in Availability}
    column = _column(tables, field)
    return {} if column is None else column.values.present()


def attributes_of(tables: FactTables, row: int) -> Mapping[str, tuple[str, ...]]:
    """Attributes of one product, names and values as first spelled in the catalogue."""
    found: dict[str, tuple[str, ...]] = {}
    for column, code in tables.values_of_row[row]:
        found[column.name] = (*found.get(column.name, ()), column.values.shown[code])
    return found


def _column(tables: FactTables, field: str) -> ValueColumn | None:
    """Column of an attribute; InputError when the field is not one."""
    if not field.startswith(ATTRIBUTE) or len(field) == len(ATTRIBUTE):
        raise InputError(
            f"facets: {field!r} is not one of {', '.join((*VALUE_FIELDS, *NUMBERS))}, {ATTRIBUTE}NAME"
            if field not in NUMBERS
            else f"facets: {field} has numbers, not values to count"
        )
    return attribute(field, tables)


def _largest(counts: Counts, limit: int | None) -> list[tuple[int, int]]:
    """Codes that occur and how often, the most frequent first, then the older ones; code 0 is no value."""
    codes = np.flatnonzero(counts)
    codes = codes[codes > 0]
    if limit is not None and len(codes) > limit > 0:
        often = counts[codes]
        least = np.partition(often, len(codes) - limit)[len(codes) - limit]
        more = codes[often > least]
        codes = np.concatenate([more, codes[often == least][: limit - len(more)]])  # of equal ones, the oldest
    order = np.argsort(-counts[codes], kind="stable")[:limit]
    return [(int(code), int(counts[code])) for code in codes[order]]


def _numbers(tables: FactTables, field: str, mask: Mask) -> tuple[npt.NDArray[np.float64], Counts | None]:
    """The field's numbers in the mask, and how many products have each (None: one each)."""
    if field in NUMBERS:
        columns = tables.columns
        size = min(len(mask), len(columns))
        numbers = numbers_of(field, columns)[:size][mask[:size]]
        return numbers[np.isfinite(numbers)], None
    if field in VALUE_FIELDS:
        raise InputError(f"facets: {field} has values, not numbers")
    column = _column(tables, field)
    if column is None:
        return np.zeros(0), None
    counts = column.counts(mask, tables.stamps)
    numbers = column.numbers()
    size = min(len(numbers), len(counts))
    kept = np.flatnonzero((counts[:size] > 0) & np.isfinite(numbers[:size]))
    return numbers[kept], counts[kept]
