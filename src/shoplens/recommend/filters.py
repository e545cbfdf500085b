"""Which products may be in an answer: a small filter language, as JSON from outside, as frozen values inside.

{"field": "category", "eq": "Women > Shoes"}            the category and all below it
{"field": "brand", "in": ["Acme", "Orion"]}             letter case does not matter
{"field": "price", "range": {"gte": 10, "lt": 50}}      what a shopper pays: the sale price when there is one
{"field": "attributes.color", "eq": "red"}
{"field": "availability", "in": ["in_stock", "preorder"]}
{"and": [...]}   {"or": [...]}   {"not": {...}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from shoplens.domain.catalogue import Availability
from shoplens.errors import InputError

FIELDS = ("category", "brand", "price", "availability", "item_id")
MAX_DEPTH = 16
MAX_NODES = 500
BOUNDS = ("gte", "gt", "lte", "lt")


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of these values; a category value is a path, lower-case."""

    field: str
    values: tuple[str | tuple[str, ...] | float, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The price lies between; None leaves a side open. A product without a price never does."""

    low: float | None
    low_included: bool
    high: float | None
    high_included: bool


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Never:
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = OneOf | Range | Every | Some | Never


def category_path(value: str | Sequence[str]) -> tuple[str, ...]:
    """A category as comparable path: "Women > Shoes" and ["women", "shoes"] are the same."""
    parts = value.split(">") if isinstance(value, str) else value
    return tuple(part.strip().casefold() for part in parts if part.strip())


def parse_filter(value: object) -> Filter:
    """Filter from JSON values; InputError says which part is wrong and what is allowed there."""
    return _Parser().parse(value, "filter", 1)


class _Parser:
    """Counts parts, so that a request cannot ask for endless work."""

    def __init__(self) -> None:
        self.nodes = 0

    def parse(self, value: object, where: str, depth: int) -> Filter:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise InputError(f"{where}: the filter is too large ({MAX_DEPTH} levels and {MAX_NODES} parts at most)")
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: expected an object such as {{'field': 'brand', 'eq': 'Acme'}}")
        given = {name: one for name, one in value.items() if one is not None}
        if "field" in given:
            return self._condition(given, where)
        if len(given) != 1 or (operator := next(iter(given))) not in ("and", "or", "not"):
            raise InputError(f"{where}: expected 'field', or exactly one of 'and', 'or', 'not'")
        inside = given[operator]
        if operator == "not":
            return Never(self.parse(inside, f"{where}.not", depth + 1))
        if not isinstance(inside, Sequence) or isinstance(inside, str) or not inside:
            raise InputError(f"{where}.{operator}: expected a list with at least one filter")
        parts = tuple(self.parse(part, f"{where}.{operator}[{k}]", depth + 1) for k, part in enumerate(inside))
        return Every(parts) if operator == "and" else Some(parts)

    def _condition(self, given: Mapping[str, Any], where: str) -> Filter:
        name = given["field"]
        if not isinstance(name, str) or not (name in FIELDS or (name.startswith("attributes.") and len(name) > 11)):
            raise InputError(f"{where}.field: {name!r} is not one of {', '.join(FIELDS)}, attributes.NAME")
        operators = set(given) - {"field"}
        if len(operators) != 1 or not operators <= {"eq", "in", "range"}:
            raise InputError(f"{where}: expected exactly one of 'eq', 'in', 'range' beside 'field'")
        operator = operators.pop()
        if operator == "range":
            return _range(name, given["range"], f"{where}.range")
        values = [given["eq"]] if operator == "eq" else given["in"]
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) > 1_000:
            raise InputError(f"{where}.in: expected a list of at most 1000 values")
        return OneOf(name, tuple(_value(name, one, f"{where}.{operator}") for one in values))


def _value(name: str, value: Any, where: str) -> str | tuple[str, ...] | float:
    if name == "category":
        if isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(part, str) for part in value)):
            return category_path(value)
        raise InputError(f"{where}: a category is a text 'A > B' or a list of texts")
    if name == "price":
        return _number(value, where)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{where}: expected a text")
    if name == "availability" and value not in set(Availability):
        raise InputError(f"{where}: {value!r} is not one of {', '.join(Availability)}")
    return str(value) if name == "item_id" else str(value).casefold()


def _range(name: str, value: Any, where: str) -> Range:
    if name != "price":
        raise InputError(f"{where}: only price has a range; use 'eq' or 'in' for {name}")
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected an object with some of {', '.join(BOUNDS)}")
    given = {bound: _number(one, f"{where}.{bound}") for bound, one in value.items() if one is not None}
    if not given or not set(given) <= set(BOUNDS) or {"gte", "gt"} <= set(given) or {"lte", "lt"} <= set(given):
        raise InputError(f"{where}: expected one lower (gte or gt) and/or one upper (lte or lt) bound")
    low, high = given.get("gte", given.get("gt")), given.get("lte", given.get("lt"))
    return Range(low, "gt" not in given, high, "lt" not in given)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where}: expected a number")
    return float(value)
