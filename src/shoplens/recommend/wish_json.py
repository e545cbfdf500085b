"""A wish as JSON, so that an answer of the past can be asked for again of another model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.rules import Boost, Cap, Margin, Wish

MOST = 2_000  # products that a wish names, and is still written down

_PLAIN = frozenset(field.name for field in fields(Wish)) - {"filter", "boost", "margin", "cap", "said"}
_DEFAULT = Wish()


def wish_json(wish: Wish) -> dict[str, Any] | None:
    """What differs from the defaults; None when it names more products than are worth keeping."""
    if len(wish.exclude) + len(wish.shown) + len(wish.cart) > MOST:
        return None
    found: dict[str, Any] = {
        name: getattr(wish, name) for name in _PLAIN if getattr(wish, name) != getattr(_DEFAULT, name)
    }
    if wish.filter is not None:
        found["filter"] = filter_json(wish.filter)
    if wish.boost:
        found["boost"] = [{"filter": filter_json(one.filter), "by": one.by} for one in wish.boost]
    for name in ("margin", "cap"):
        if getattr(wish, name) is not None:
            found[name] = asdict(getattr(wish, name))
    return found


def parse_wish(given: Mapping[str, Any]) -> Wish:
    """The wish again. InputError, TypeError or ValueError for what `wish_json` did not make."""
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if "sources" in told:
        told["sources"] = tuple((str(name), float(weight)) for name, weight in given["sources"])
    if "filter" in given:
        told["filter"] = parse_filter(given["filter"])
    if "boost" in given:
        told["boost"] = tuple(Boost(parse_filter(one["filter"]), one["by"]) for one in given["boost"])
    if "margin" in given:
        told["margin"] = Margin(**given["margin"])
    if "cap" in given:
        told["cap"] = Cap(**given["cap"])
    return Wish(**told)
