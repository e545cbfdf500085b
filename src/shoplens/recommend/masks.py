"""A filter over the facts of all products: which rows it keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Availability
from shoplens.recommend.fact_tables import AVAILABILITY_CODES, Columns, FactTables
from shoplens.recommend.filters import ATTRIBUTE, FIELDS, Every, Filter, Known, Never, OneOf, Range, Some, Value
from shoplens.recommend.value_column import Mask, ValueColumn

_LATER = [AVAILABILITY_CODES[one] for one in (Availability.PREORDER, Availability.BACKORDER)]


def mask_of(wanted: Filter, tables: FactTables) -> Mask:
    """Rows that the filter keeps; row 0 never. [rows]"""
    mask = _evaluate(wanted, tables, tables.columns)
    mask[0] = False
    return mask


def in_stock(columns: Columns) -> Mask:
    """What can be sent today: not out of stock, and not to be waited for. [rows]"""
    return columns.orderable & ~_coded(columns.availability, _LATER)


def numbers_of(field: str, columns: Columns) -> npt.NDArray[np.float64]:
    """price, stock, or created_at in seconds since 1970; NaN where unknown. [rows]"""
    if field == "price":
        return columns.price
    if field == "stock":
        return columns.stock
    return np.where(columns.created != 0, columns.created / 1e6, np.nan)


def attribute(field: str, tables: FactTables) -> ValueColumn | None:
    """Column of "attributes.NAME"; None when no product ever had it."""
    return tables.attributes.get(field.removeprefix(ATTRIBUTE).casefold())


def _evaluate(wanted: Filter, tables: FactTables, columns: Columns) -> Mask:
    match wanted:
        case Every():
            every: Mask = np.logical_and.reduce([_evaluate(part, tables, columns) for part in wanted.parts])
            return every
        case Some():
            some: Mask = np.logical_or.reduce([_evaluate(part, tables, columns) for part in wanted.parts])
            return some
        case Never():
            return ~_evaluate(wanted.part, tables, columns)
        case Range():
            return _between(wanted, tables, columns)
        case Known():
            known = _known(wanted.field, tables, columns)
            return known if wanted.known else ~known
        case OneOf():
            return _one_of(wanted, tables, columns)


def _between(wanted: Range, tables: FactTables, columns: Columns) -> Mask:
    if not wanted.field.startswith(ATTRIBUTE):
        return _inside(numbers_of(wanted.field, columns), wanted)
    mask = np.zeros(len(columns), np.bool_)
    column = attribute(wanted.field, tables)
    if column is not None:
        column.mark(_inside(column.numbers(wanted.unit), wanted), tables.stamps, mask)
    return mask


def _inside(numbers: npt.NDArray[np.float64], wanted: Range) -> Mask:
    mask = ~np.isnan(numbers)
    if wanted.low is not None:
        mask &= numbers >= wanted.low if wanted.low_included else numbers > wanted.low
    if wanted.high is not None:
        mask &= numbers <= wanted.high if wanted.high_included else numbers < wanted.high
    return mask


def _known(field: str, tables: FactTables, columns: Columns) -> Mask:
    match field:
        case "brand" | "category" | "availability":
            return np.asarray(getattr(columns, field) != 0)
        case "group_id":
            return np.asarray(columns.group != 0)
        case "price" | "stock":
            return ~np.isnan(numbers_of(field, columns))
        case "created_at":
            return np.asarray(columns.created != 0)
    mask = np.zeros(len(columns), np.bool_)
    column = attribute(field, tables)
    if column is not None:
        column.mark_holders(tables.stamps, mask)
    return mask


def _one_of(wanted: OneOf, tables: FactTables, columns: Columns) -> Mask:
    field, values = wanted.field, wanted.values
    if field == "category":
        nodes = np.append(tables.tree.below(path for path in values if isinstance(path, tuple)), False)
        return nodes.take(columns.category, mode="clip")  # a node that came this moment is clipped onto the False
    if field == "in_stock":
        today = in_stock(columns)
        return today if values[0] else ~today
    if field in FIELDS and field != "item_id":
        return _compared(field, values, tables, columns)
    mask = np.zeros(len(columns), np.bool_)
    if field == "item_id":
        rows = [row for value in values if (row := tables.rows.get(str(value), 0)) < len(mask)]
        mask[rows] = True
    elif (column := attribute(field, tables)) is not None:
        column.mark(_chosen(column, values), tables.stamps, mask)
    return mask


def _compared(field: str, values: tuple[Value, ...], tables: FactTables, columns: Columns) -> Mask:
    match field:
        case "brand":
            return _coded(columns.brand, _codes(tables.brands.codes, values))
        case "group_id":
            return _coded(columns.group, _codes(tables.groups.codes, values))
        case "availability":
            return _coded(columns.availability, [AVAILABILITY_CODES[Availability(str(value))] for value in values])
    return np.isin(numbers_of(field, columns), [float(value) for value in values if isinstance(value, int | float)])


def _coded(column: npt.NDArray[np.integer], codes: Sequence[int]) -> Mask:
    """Rows with one of the codes: a table of codes is some ten times faster than np.isin."""
    if len(codes) == 1:
        return np.asarray(column == codes[0])
    chosen = np.zeros(max(codes, default=0) + 2, np.bool_)
    chosen[list(codes)] = True
    return chosen.take(column, mode="clip")  # larger codes hit the False at the end


def _codes(codes: dict[str, int], values: Sequence[object]) -> list[int]:
    return [codes[text] for value in values if (text := str(value)) in codes]


def _chosen(column: ValueColumn, values: tuple[object, ...]) -> Mask:
    """The column's values that are asked for, or say the same amount in another unit. At least [values] long."""
    texts = [str(value) for value in values]
    chosen = column.same_amounts(texts)
    chosen[_codes(column.values.codes, texts)] = True
    return chosen
