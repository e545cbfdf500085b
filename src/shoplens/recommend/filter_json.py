"""A filter as the JSON that `parse_filter` reads: what was understood is shown, and can be sent back as it is."""

from __future__ import annotations

from typing import Any

from shoplens.recommend.filters import Every, Filter, Never, OneOf, Range, Some


def filter_json(given: Filter) -> dict[str, Any]:
    """Plain values; `parse_filter` makes an equal filter of them."""
    match given:
        case OneOf():
            values = [_value(one) for one in given.values]
            return {"field": given.field, "eq": values[0]} if len(values) == 1 else {"field": given.field, "in": values}
        case Range():
            low = {"gte" if given.low_included else "gt": given.low} if given.low is not None else {}
            high = {"lte" if given.high_included else "lt": given.high} if given.high is not None else {}
            return {"field": "price", "range": {**low, **high}}
        case Every():
            return {"and": [filter_json(part) for part in given.parts]}
        case Some():
            return {"or": [filter_json(part) for part in given.parts]}
        case Never():
            return {"not": filter_json(given.part)}


def _value(value: str | tuple[str, ...] | float) -> str | list[str] | float:
    """A category is a path: as text where that reads back, else part by part."""
    if not isinstance(value, tuple):
        return value
    return list(value) if any(">" in part for part in value) else " > ".join(value)
