"""Title, attribute and photo that say different things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shoplens.apps.attributes.found import SUREST, FoundValue
from shoplens.apps.attributes.normalise import Normaliser, folded
from shoplens.apps.attributes.schema import Kind, ShopSchema, current_values
from shoplens.domain.catalogue import Product

SURE_READER = 0.7  # reliability from which a text may contradict the shop
SURE_PHOTO = 0.9  # probability from which a photo may do so by itself
BOTH = 0.98  # confidence when text and photo agree against the attribute
PHOTO_AGAINST = 0.6  # factor when the photo agrees with the attribute, against the text
ALONE = 0.8  # factor when only one of them speaks


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
    """Of one product. A text that also says what the attribute says ("black and red") contradicts nothing."""
    found = []
    photos = {one.attribute: one for one in seen}
    for name in schema.expected(product.category):
        current = current_values(product, name)
        if not current or schema.kinds[name] is Kind.CODE or len(current) > 1:
            continue
        said = [one for one in read if one.attribute == name and one.field == "title"]
        photo = photos.get(name)
        if folded(current[0]) in folded(product.title) or any(
            _same(name, one.value, current, normaliser) for one in said
        ):
            continue
        against = max(
            (one for one in said if one.confidence >= SURE_READER), key=lambda one: one.confidence, default=None
        )
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


def _same(name: str, value: str, current: Sequence[str], normaliser: Normaliser) -> bool:
    return any(normaliser.same(name, value, own) for own in current)


def _part(value: str, current: Sequence[str]) -> bool:
    """Whether one only says it more closely than the other: "blue" and "navy blue"."""
    small = folded(value)
    return any(small in folded(own) or folded(own) in small for own in current)


def _sure(
    name: str, against: FoundValue, photo: FoundValue | None, current: Sequence[str], normaliser: Normaliser
) -> float:
    """How sure it is that the text is right: more when the photo shows the same, less when it shows the attribute."""
    if photo is None:
        return against.confidence * ALONE
    if normaliser.same(name, photo.value, against.value):
        return min(max(BOTH * photo.confidence, against.confidence), SUREST)
    if _same(name, photo.value, current, normaliser):
        return against.confidence * PHOTO_AGAINST
    return against.confidence * ALONE
