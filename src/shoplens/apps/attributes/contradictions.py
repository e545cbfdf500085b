"""Texts, attribute and photo that say different things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from shoplens.apps.attributes.disputes import closer
from shoplens.apps.attributes.found import SUREST, FoundValue
from shoplens.apps.attributes.normalise import Normaliser, folded
from shoplens.apps.attributes.schema import BRAND, Kind, ShopSchema, current_values
from shoplens.apps.attributes.written import FIELD
from shoplens.domain.catalogue import Product

SURE_READER = 0.7  # reliability from which a text may contradict the shop
SURE_PHOTO = 0.9  # probability from which a photo may do so by itself
BOTH = 0.98  # confidence when text and photo agree against the attribute
AGREES = 0.6  # factor when the photo, or another text, agrees with the attribute
ALONE = 0.8  # factor when only one of them speaks
#: Texts in the order in which they are believed, with a factor each: a title names the product; highlights and
#: descriptions also name its parts and what it goes with; a package names ingredients and other things beside.
FIELDS: Mapping[str, float] = MappingProxyType({"title": 1.0, "highlights": 0.95, "description": 0.9, FIELD: 0.8})
#: What other texts than titles may contradict: they are full of measures of parts, portions and parcels.
CHOSEN = frozenset({Kind.COLOUR, Kind.CHOICE})


class Contradiction(NamedTuple):
    """An attribute that something speaks against."""

    attribute: str
    current: tuple[str, ...]
    found: FoundValue  # what speaks against it, and is proposed
    seen: FoundValue | None  # what the photo shows, whomever that supports
    confidence: float


def contradictions(
    product: Product,
    read: Sequence[FoundValue],
    seen: Sequence[FoundValue],
    schema: ShopSchema,
    normaliser: Normaliser,
) -> list[Contradiction]:
    """Of one product. The first of FIELDS that speaks of an attribute is heard.

    Where that text also says what the attribute says ("black and red"), nothing is contradicted; nor where another text
    than the title names several values: which of them is the product's is not clear. A text that is believed less and
    says what the attribute says makes it less sure.
    """
    found = []
    photos = {one.attribute: one for one in seen}
    for name in schema.expected(product.category):
        current = current_values(product, name)
        if not current or schema.kinds[name] is Kind.CODE or len(current) > 1:
            continue
        said = [one for one in read if one.attribute == name]
        photo = photos.get(name)
        if folded(current[0]) in folded(product.title):
            continue
        agrees = [one.field for one in said if _same(name, one.value, current, normaliser)]
        against = _against(name, said, schema.kinds[name], agrees, normaliser)
        if against is not None and name == BRAND and _respelt(current[0], against.value, normaliser):
            continue  # a spelling is proposed instead
        if against is not None and not (_part(against.value, current) or _part(against.said, current)):
            found.append(Contradiction(name, current, against, photo, _sure(name, against, photo, current, normaliser)))
        elif (
            against is None
            and not said
            and photo is not None
            and photo.confidence >= SURE_PHOTO
            and schema.kinds[name] is Kind.COLOUR
            and not _same(name, photo.value, current, normaliser)
        ):
            found.append(Contradiction(name, current, photo, photo, photo.confidence * ALONE))
    return found


def _against(
    name: str, said: Sequence[FoundValue], kind: Kind, agrees: Sequence[str], normaliser: Normaliser
) -> FoundValue | None:
    """The surest value of the first text that speaks, no surer than that text is believed. `agrees`: texts that say
    what the attribute says."""
    for field, believed in FIELDS.items():
        own = [one for one in said if one.field == field]
        if not own or (field != "title" and kind not in CHOSEN):
            continue
        best = max(own, key=lambda one: one.confidence)
        clear = field == "title" or all(normaliser.same(name, one.value, best.value) for one in own)
        if field in agrees or not clear or best.confidence < SURE_READER:
            return None
        return replace(best, confidence=best.confidence * believed * (AGREES if agrees else 1.0))
    return None


def _same(name: str, value: str, current: Sequence[str], normaliser: Normaliser) -> bool:
    return any(normaliser.same(name, value, own) for own in current)


def _respelt(current: str, found: str, normaliser: Normaliser) -> bool:
    better = normaliser.better_spelling(BRAND, current)
    return better is not None and better[0] == found


def _part(value: str, current: Sequence[str]) -> bool:
    """Whether one only says it more closely than the other: "blue" and "navy blue"."""
    return any(closer(value, own) or closer(own, value) for own in current)


def _sure(
    name: str, against: FoundValue, photo: FoundValue | None, current: Sequence[str], normaliser: Normaliser
) -> float:
    """How sure it is that the text is right: more when the photo shows the same, less when it shows the attribute."""
    if photo is None:
        return against.confidence * ALONE
    if normaliser.same(name, photo.value, against.value):
        return min(max(BOTH * photo.confidence, against.confidence), SUREST)
    if _same(name, photo.value, current, normaliser):
        return against.confidence * AGREES
    return against.confidence * ALONE
