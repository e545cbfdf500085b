"""Wishes that come out of a conversation rather than out of words, as constraints that are shown and removable."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import orjson

from shoplens.apps.interaction.scene import PRICE, fields_of
from shoplens.apps.interaction.sentences import number, say
from shoplens.recommend.asking import Constraint
from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.filters import Every, Filter, Never, OneOf, Range, Some, parse_filter

SENT = "filter:"  # ids of filters that came with a turn


def price_below(limit: float, said: str, language: str) -> Constraint:
    """Cheaper than this."""
    wanted = parse_filter({"field": PRICE, "range": {"lt": limit}})
    return Constraint(f"price<{number(limit)}", PRICE, wanted, said, say(language, "under", price=number(limit)), True)


def price_above(limit: float, said: str, language: str) -> Constraint:
    """More expensive than this."""
    wanted = parse_filter({"field": PRICE, "range": {"gt": limit}})
    return Constraint(f"price>{number(limit)}", PRICE, wanted, said, say(language, "over", price=number(limit)), True)


def not_value(field: str, value: str, said: str, language: str) -> Constraint:
    """Another value of the field than this."""
    wanted = parse_filter({"not": {"field": field, "eq": value}})
    return Constraint(f"{field}!={value.casefold()}"[:90], field, wanted, said, say(language, "not", value=value), True)


def in_category(path: Sequence[str], said: str) -> Constraint:
    """In this category or below it."""
    wanted = parse_filter({"field": "category", "eq": list(path)})
    return Constraint(f"category={' > '.join(path).casefold()}"[:90], "category", wanted, said, path[-1], True)


def sent(wanted: Filter, language: str) -> Constraint:
    """A filter that came with a turn."""
    fields = sorted(set(fields_of(wanted)))
    mark = blake2b(orjson.dumps(filter_json(wanted), option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()
    return Constraint(f"{SENT}{mark}", fields[0] if len(fields) == 1 else "", wanted, "", label(wanted, language), True)


def label(wanted: Filter, language: str) -> str:
    """A filter in a few words."""
    if isinstance(wanted, OneOf):
        return say(language, "or").join(_shown(value) for value in wanted.values[:4])
    if isinstance(wanted, Never):
        return say(language, "not", value=label(wanted.part, language))
    if isinstance(wanted, Every | Some):
        between = say(language, "and" if isinstance(wanted, Every) else "or")
        return between.join(label(part, language) for part in wanted.parts[:4])
    if isinstance(wanted, Range):
        return _span(wanted, language)
    return say(language, "some_filter")


def _span(wanted: Range, language: str) -> str:
    if wanted.low is not None and wanted.high is not None:
        return say(language, "between", low=number(wanted.low), high=number(wanted.high))
    if wanted.high is not None:
        return say(language, "under", price=number(wanted.high))
    return say(language, "over", price=number(wanted.low or 0.0))


def _shown(value: str | tuple[str, ...] | float) -> str:
    if isinstance(value, tuple):
        return value[-1] if value else ""
    return value if isinstance(value, str) else number(value)
