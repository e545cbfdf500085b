"""A filter as the JSON that `parse_filter` reads: what was understood is shown, and can be sent back as it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shoplens.recommend.filters import Every, Filter, Known, Never, OneOf, Range, Some, Value


def filter_json(given: Filter) -> dict[str, Any]:
    """Plain values; `parse_filter` makes an equal filter of them."""
    match given:
        case OneOf():
            values = [_value(one) for one in given.values]
            return {"field": given.field, "eq": values[0]} if len(values) == 1 else {"field": given.field, "in": values}
        case Range():
            low = {"gte" if given.low_included else "gt": _bound(given.low, given.unit)}
            high = {"lte" if given.high_included else "lt": _bound(given.high, given.unit)}
            both = {**(low if given.low is not None else {}), **(high if given.high is not None else {})}
            return {"field": given.field, "range": both}
        case Known():
            return {"field": given.field, "exists": given.known}
        case Every():
            return {"and": [filter_json(part) for part in given.parts]}
        case Some():
            return {"or": [filter_json(part) for part in given.parts]}
        case Never():
            return {"not": filter_json(given.part)}


def _value(value: Value) -> str | list[str] | float:
    """A category is a path: as text where that reads back, else part by part."""
    if not isinstance(value, tuple):
        return value
    return list(value) if any(">" in part for part in value) else " > ".join(value)


def _bound(number: float | None, unit: str | None) -> float | str | None:
    """With its unit where it has one: "500 ml"."""
    if number is None or unit is None:
        return number
    return f"{Decimal(repr(number)).normalize():f} {unit}"
