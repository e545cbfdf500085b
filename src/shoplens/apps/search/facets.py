"""How the products that match spread over brands, categories, attributes, prices.

Facets are disjunctive: what is chosen in a facet does not narrow the facet itself, so that a shopper who chose one
colour sees how many products the others would add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from shoplens.recommend.asking import Facet, FacetValue
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.recommend.filters import Every, Filter, Known, Never, OneOf, Range, Some, category_path

BINS = 10
ALL = "*"  # asks for the fields that tell products apart best
MOST_CHOSEN = 8  # fields that "*" stands for
EVEN = 0.98  # share of products with one value, from which on a field tells nothing
SEPARATOR = " > "


def parts_of(wanted: Filter | None) -> list[Filter]:
    """The filters that must all hold."""
    if wanted is None:
        return []
    if isinstance(wanted, Every):
        return [one for part in wanted.parts for one in parts_of(part)]
    return [wanted]


def field_of(wanted: Filter) -> str | None:
    """The one field that a filter is about; None when it is about several."""
    fields = {_folded(field) for field in _fields(wanted)}
    return fields.pop() if len(fields) == 1 else None


def is_about(part: Filter, field: str) -> bool:
    """Whether a filter is a choice in this facet."""
    return field_of(part) == _folded(field)


def count_facets(
    facts: CatalogueFacts,
    asked: Sequence[str],
    parts: Sequence[Filter],
    matching: Callable[[str | None], Mask],
    limit: int,
) -> tuple[Facet, ...]:
    """The facets that are asked for.

    `matching` gives the products that match when the parts about a field (None: no part) are left out. Asking it is
    dear, so it is asked only for fields that something was chosen in.
    """
    chosen = {field for part in parts if (field := field_of(part)) is not None}
    everything: Mask | None = None
    facets = []
    names = list(dict.fromkeys(name for name in asked if name != ALL))
    if ALL in asked:
        everything = matching(None)
        names += [name for name in _telling(facts, everything) if name not in names]
    for name in names:
        if _folded(name) in chosen:
            mask = matching(name)
        else:
            everything = everything if everything is not None else matching(None)
            mask = everything
        about = [part for part in parts if is_about(part, name)]
        facets.append(_facet(facts, name, mask, about, limit))
    return tuple(facets)


def _facet(facts: CatalogueFacts, name: str, mask: Mask, about: Sequence[Filter], limit: int) -> Facet:
    if facts.is_number(name):
        ends = facts.number_range(name, mask)
        if ends is None:
            return Facet(name, "numbers")
        return Facet(name, "numbers", (), ends[0], ends[1], tuple(facts.histogram(name, mask, BINS)))
    selected = set(_selected(about))
    if name == "category":
        return Facet(name, "values", tuple(_categories(facts, mask, selected, limit)))
    counted = facts.counts(name, mask, None if selected else limit)
    values = [FacetValue(value, value, count, value.casefold() in selected) for value, count in counted]
    if selected:
        there = {one.value.casefold() for one in values}
        shown = facts.values_of(name)
        kept = values[:limit] + [one for one in values[limit:] if one.selected]
        values = kept + [
            FacetValue(shown.get(one, one), shown.get(one, one), 0, True) for one in sorted(selected - there)
        ]
    return Facet(name, "values", tuple(values))


def _categories(facts: CatalogueFacts, mask: Mask, selected: set[str], limit: int) -> Iterable[FacetValue]:
    """What a tree of categories shows: the broadest, and what lies below a chosen one or below one that is alone."""
    chosen = {category_path(one) for one in selected}
    leading = {path[:depth] for path in chosen for depth in range(1, len(path) + 1)}
    opened: set[tuple[str, ...]] = {()}
    yielded: set[tuple[str, ...]] = set()
    depth = 1
    while opened:
        counted = [
            (path, text, count)
            for text, count in facts.counts("category", mask, None, depth=depth)
            if (path := category_path(text))[:-1] in opened
        ]
        for place, (path, text, count) in enumerate(counted):
            if place < limit or path in leading:
                yielded.add(path)
                yield FacetValue(text, text.split(SEPARATOR)[-1], count, path in chosen)
        opened = {path for path, _, _ in counted if path in leading or len(counted) == 1}
        depth += 1
    spelled = facts.values_of("category") if chosen - yielded else {}
    for path in sorted(chosen - yielded):  # chosen, and nothing is left in it
        text = spelled.get(SEPARATOR.join(path), SEPARATOR.join(path))
        yield FacetValue(text, text.split(SEPARATOR)[-1], 0, True)


def _telling(facts: CatalogueFacts, mask: Mask) -> list[str]:
    """Fields that most matching products have, and that differ among them."""
    count = int(np.count_nonzero(mask))
    found: list[tuple[float, str]] = []
    for place, field in enumerate(facts.fields()):
        if place >= 4 * MOST_CHOSEN or not count:
            break
        if facts.is_number(field):
            if field in ("stock", "created_at"):
                continue
            ends = facts.number_range(field, mask)
            if ends is not None and ends[0] < ends[1]:
                found.append((float(sum(facts.histogram(field, mask, 1))) / count, field))
            continue
        counted = facts.counts(field, mask)
        having = sum(number for _, number in counted)
        if len(counted) > 1 and counted[0][1] < EVEN * count and len(counted) < max(count / 2, 3):
            found.append((min(having / count, 1.0), field))
    found.sort(key=lambda pair: -pair[0])
    return [field for _, field in found[:MOST_CHOSEN]]


def _fields(wanted: Filter) -> Iterable[str]:
    match wanted:
        case Every() | Some():
            for part in wanted.parts:
                yield from _fields(part)
        case Never():
            yield from _fields(wanted.part)
        case OneOf() | Range() | Known():
            yield wanted.field


def _selected(about: Iterable[Filter]) -> Iterable[str]:
    """Values that are chosen, in small letters; what is excluded is not chosen."""
    for part in about:
        if isinstance(part, OneOf):
            for value in part.values:
                yield SEPARATOR.join(value) if isinstance(value, tuple) else str(value).casefold()
        elif isinstance(part, Some | Every):
            yield from _selected(part.parts)


def _folded(field: str) -> str:
    return field.casefold() if field.startswith("attributes.") else field
