"""What to ask back when the wish is not clear: never more than one question, never twice about the same field."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

from shoplens.apps.interaction.sentences import field_name, listed, say
from shoplens.apps.interaction.table import ATTRIBUTE, Table
from shoplens.apps.interaction.turns import Option, Question
from shoplens.apps.interaction.wording import FIELDS
from shoplens.errors import InputError
from shoplens.recommend.asking import Facet, Found, Hit
from shoplens.recommend.filters import Filter, parse_filter

MOST_OPTIONS = 5
MANY = 30  # products from which on it is worth narrowing down
CLEAR = 2  # constraints from which on the wish is narrow enough not to ask
BALANCE = 0.6  # of the weight of the strongest category, that makes a second one as likely
LEAST_HITS = 4
COVERAGE = 0.6  # share of the products that must have a field before it is asked about
LEAST_BITS = 0.8  # what an answer must tell, in bits


def which_product(titles: Sequence[str], language: str) -> Question:
    """ "This one", and several could be meant."""
    options = [
        Option(say(language, "place", place=place, title=title), f"#{place}")
        for place, title in enumerate(titles[:MOST_OPTIONS], 1)
    ]
    return Question(say(language, "which_product"), tuple(options))


def which_brand(brands: Sequence[str], language: str) -> Question:
    """ "Not that brand", and several are on the table."""
    options = [
        Option(text, text, _parsed({"not": {"field": "brand", "eq": brand}}))
        for brand in brands[:MOST_OPTIONS]
        if (text := say(language, "not", value=brand))
    ]
    return Question(say(language, "which_brand"), tuple(options))


def which_category(hits: Sequence[Hit], table: Table, language: str) -> Question | None:
    """Two kinds of things that the words fit equally well, judged by the scores of what was found."""
    paths = [table.category(hit.item_id) for hit in hits]
    if len(hits) < LEAST_HITS or not all(paths):
        return None
    level = next((level for level in range(min(map(len, paths))) if len({path[level] for path in paths}) > 1), None)
    if level is None:
        return None
    weights: Counter[tuple[str, ...]] = Counter()
    for hit, path in zip(hits, paths, strict=True):
        weights[path[: level + 1]] += max(hit.score, 1e-6)  # type: ignore[assignment]
    best = weights.most_common(3)
    if best[1][1] < BALANCE * best[0][1] or (len(best) > 2 and best[2][1] >= BALANCE * best[0][1]):
        return None
    options = [Option(path[-1], path[-1], _parsed({"field": "category", "eq": list(path)})) for path, _ in best[:2]]
    values = listed([option.label for option in options], language, either=True)
    return Question(say(language, "which_category", values=values), tuple(options))


def which_value(found: Found, asked: Collection[str], language: str) -> tuple[str, Question] | None:
    """The facet whose answer tells most about what was found, and the question for it."""
    if found.total < MANY:
        return None
    worth = [(_bits(facet, found.total), facet) for facet in found.facets if facet.field not in asked]
    bits, facet = max(worth, key=lambda one: (one[0], one[1].field), default=(0.0, None))
    if facet is None or bits < LEAST_BITS:
        return None
    kind = facet.field.removeprefix(ATTRIBUTE)
    known = next((name for name, names in FIELDS.items() if kind.casefold() in names), kind)
    if known == "brand" and facet.field != "brand":
        known = kind  # the shop has brands of its own: its "label" tells something else
    options = [
        Option(value.label, value.label, _parsed({"field": facet.field, "eq": _value(facet.field, value.value)}))
        for value in facet.values[:MOST_OPTIONS]
    ]
    return facet.field, Question(say(language, "which", field=field_name(known, language)), tuple(options))


def _bits(facet: Facet, total: int) -> float:
    """How many bits an answer tells, products without the field telling nothing: entropy × coverage."""
    if facet.kind != "values" or facet.field == "availability" or any(value.selected for value in facet.values):
        return 0.0
    counts = [value.count for value in facet.values if value.count > 0]
    covered = min(sum(counts) / total, 1.0)
    if len(counts) < 2 or covered < COVERAGE:
        return 0.0
    shares = [count / sum(counts) for count in counts]
    listed_share = sum(sorted(shares, reverse=True)[:MOST_OPTIONS])  # a question cannot list a hundred brands
    return -sum(share * math.log2(share) for share in shares) * covered * listed_share


def _value(field: str, value: str) -> str | list[str]:
    return [part.strip() for part in value.split(">")] if field == "category" else value


def _parsed(told: object) -> Filter | None:
    """None where the value is one that filters do not take: then the option has only its text."""
    try:
        return parse_filter(told)
    except InputError:
        return None
