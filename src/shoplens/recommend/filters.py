"""Which products may be in an answer: a small filter language, as JSON from outside, as frozen values inside.

{"field": "category", "eq": "Women > Shoes"}               the category and all below it
{"field": "brand", "in": ["Acme", "Orion"]}                letter case does not matter
{"field": "price", "range": {"gte": 10, "lt": 50}}         what a shopper pays: the sale price when there is one
{"field": "created_at", "range": {"gte": "2026-01-31"}}    a date, a time (ISO 8601), or seconds since 1970
{"field": "stock", "range": {"gte": 3}}                    units on hand
{"field": "attributes.color", "eq": "red"}                 one of its values, where it has several
{"field": "attributes.volume", "range": {"lte": "0.5 l"}}  values that are a number, with or without a unit
{"field": "availability", "in": ["in_stock", "preorder"]}
{"field": "in_stock", "eq": true}                          can be sent today
{"field": "group_id", "eq": "shirt-7"}                     the variants of one product
{"field": "brand", "exists": false}                        nothing is known about it
{"and": [...]}   {"or": [...]}   {"not": {...}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from shoplens.domain.catalogue import Availability
from shoplens.errors import InputError
from shoplens.ingest.units import measured
from shoplens.recommend.category_tree import path_parts

ATTRIBUTE = "attributes."
#: field → what may be asked of it; attributes may be asked anything
FIELDS: dict[str, tuple[str, ...]] = {
    "category": ("eq", "in", "exists"),
    "brand": ("eq", "in", "exists"),
    "price": ("eq", "in", "range", "exists"),
    "availability": ("eq", "in", "exists"),
    "in_stock": ("eq",),
    "stock": ("eq", "in", "range", "exists"),
    "created_at": ("range", "exists"),
    "item_id": ("eq", "in"),
    "group_id": ("eq", "in", "exists"),
}
OPERATORS = ("eq", "in", "range", "exists")
NUMBERS = ("price", "stock", "created_at")
MAX_DEPTH = 16
MAX_NODES = 500
MAX_VALUES = 1_000
BOUNDS = ("gte", "gt", "lte", "lt")
_FIRST, _LAST = -62_135_596_800.0, 253_402_300_800.0  # seconds: the years 1 to 9999

Value: TypeAlias = str | tuple[str, ...] | float


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of these values; a category value is a path, lower-case."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The number lies between; None leaves a side open. A product without the number never does.

    created_at is in seconds since 1970. An attribute's number is in `unit`; without one, units do not matter and metric
    values count in ml, g and mm.
    """

    low: float | None
    low_included: bool
    high: float | None
    high_included: bool
    field: str = "price"
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The field has a value (or, with `known` False, has none)."""

    field: str
    known: bool = True


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


Filter: TypeAlias = OneOf | Range | Known | Every | Some | Never


def category_path(value: str | Sequence[str]) -> tuple[str, ...]:
    """A category as comparable path: "Women > Shoes" and ["women", "shoes"] are the same."""
    return tuple(part.casefold() for part in path_parts(value))


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
            return _condition(given, where)
        if len(given) != 1 or (operator := next(iter(given))) not in ("and", "or", "not"):
            raise InputError(f"{where}: expected 'field', or exactly one of 'and', 'or', 'not'")
        inside = given[operator]
        if operator == "not":
            return Never(self.parse(inside, f"{where}.not", depth + 1))
        if not isinstance(inside, Sequence) or isinstance(inside, str) or not inside:
            raise InputError(f"{where}.{operator}: expected a list with at least one filter")
        parts = tuple(self.parse(part, f"{where}.{operator}[{k}]", depth + 1) for k, part in enumerate(inside))
        return Every(parts) if operator == "and" else Some(parts)


def _condition(given: Mapping[str, Any], where: str) -> Filter:
    name = given["field"]
    if not isinstance(name, str) or not (name in FIELDS or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))):
        raise InputError(f"{where}.field: {name!r} is not one of {', '.join(FIELDS)}, {ATTRIBUTE}NAME")
    operators = set(given) - {"field"}
    allowed = FIELDS.get(name, OPERATORS)
    if len(operators) != 1 or not operators <= set(OPERATORS):
        raise InputError(f"{where}: expected exactly one of {_quoted(OPERATORS)} beside 'field'")
    operator = operators.pop()
    if operator not in allowed:
        raise InputError(f"{where}: {name} has no {operator!r}; use {_quoted(allowed)}")
    wanted, place = given[operator], f"{where}.{operator}"
    if operator == "range":
        return _range(name, wanted, place)
    if operator == "exists":
        if not isinstance(wanted, bool):
            raise InputError(f"{place}: expected true or false")
        return Known(name, wanted)
    values = [wanted] if operator == "eq" else wanted
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) > MAX_VALUES:
        raise InputError(f"{place}: expected a list of at most {MAX_VALUES} values")
    return OneOf(name, tuple(_value(name, one, place) for one in values))


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _value(name: str, value: Any, where: str) -> Value:
    if name == "category":
        if isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(part, str) for part in value)):
            return category_path(value)
        raise InputError(f"{where}: a category is a text 'A > B' or a list of texts")
    if name in NUMBERS:
        return _number(value, where)
    if name == "in_stock":
        if not isinstance(value, bool):
            raise InputError(f"{where}: expected true or false")
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{where}: expected a text")
    if name == "availability" and value not in set(Availability):
        raise InputError(f"{where}: {value!r} is not one of {', '.join(Availability)}")
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)  # 42.0 is "42"
    return text if name in ("item_id", "group_id") else text.casefold()


def _range(name: str, value: Any, where: str) -> Range:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected an object with some of {', '.join(BOUNDS)}")
    given = {bound: one for bound, one in value.items() if one is not None}
    if not given or not set(given) <= set(BOUNDS) or {"gte", "gt"} <= set(given) or {"lte", "lt"} <= set(given):
        raise InputError(f"{where}: expected one lower (gte or gt) and/or one upper (lte or lt) bound")
    numbers: dict[str, float] = {}
    units: set[str | None] = set()
    for bound, one in given.items():
        place = f"{where}.{bound}"
        if name == "created_at":
            kept, seconds = _moment(bound, one, place)
            numbers[kept] = seconds
        elif name in FIELDS:
            numbers[bound] = _number(one, place)
        else:
            numbers[bound], unit = _amount(one, place)
            units.add(unit)
    if len(units) > 1:
        raise InputError(f"{where}: both bounds need the same unit")
    low, high = numbers.get("gte", numbers.get("gt")), numbers.get("lte", numbers.get("lt"))
    return Range(low, "gt" not in numbers, high, "lt" not in numbers, name, units.pop() if units else None)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where}: expected a number")
    return float(value)


def _amount(value: Any, where: str) -> tuple[float, str | None]:
    """A number, or a text such as "500 ml"; the unit is None when there is none."""
    if not isinstance(value, str):
        return _number(value, where), None
    found = measured(value)
    if found is None:
        raise InputError(f"{where}: {value[:40]!r} is not a number with or without a unit, such as 500 or '500 ml'")
    return found.amount, found.unit or None


def _moment(bound: str, value: Any, where: str) -> tuple[str, float]:
    """The bound in seconds since 1970, and its name: that of a whole day begins or ends with the day."""
    if not isinstance(value, str):
        seconds = _number(value, where)
        if not _FIRST <= seconds <= _LAST:
            raise InputError(f"{where}: {value} is no time in seconds since 1970")
        return bound, seconds
    try:
        if len(value) == len("2026-01-31"):
            day = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
            later = bound in ("gt", "lte")
            seconds = (day + timedelta(days=int(later))).timestamp() if day.year < 9999 or not later else _LAST
            return {"gt": "gte", "lte": "lt"}.get(bound, bound), seconds
        moment = datetime.fromisoformat(value)
        return bound, (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where}: {value[:40]!r} is no date such as '2026-01-31' and no time in ISO 8601") from error
