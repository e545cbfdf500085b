"""A value that was found, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod
from typing import Any

SUREST = 0.99  # nothing that nobody has looked at is certain


class Source(StrEnum):
    """Who says that a product has a value."""

    PATTERN = "pattern"  # an amount, a pack or a size in the text
    DICTIONARY = "dictionary"  # a value of the shop, or another name of one, stands in the text
    MODEL = "model"  # the extractor learnt from the shop's titles
    PHOTO = "photo"  # a classifier of the shop's photos
    NEIGHBOURS = "neighbours"  # most similar products of the category have it


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundValue:
    """A value of an attribute in the shop's own words, with where it comes from."""

    attribute: str
    value: str
    source: Source
    confidence: float
    field: str = ""  # title, highlights, description or ocr; "" when no text says it
    said: str = ""  # as the text says it
    start: int | None = None  # letters of the field
    end: int | None = None
    photo: str | None = None  # the photo it was seen in, as the product names it
    box: tuple[float, float, float, float] | None = None  # left, top, right, bottom as shares of the photo
    measured: float | None = None  # confidence before decisions about its like moved it
    agreeing: tuple[Source, ...] = ()  # other sources that say the same
    family: str | None = None  # of a colour, as shoppers filter by it: "blue" of "navy blue"

    def as_dict(self) -> dict[str, Any]:
        """For JSON; what is not known is left out."""
        told = {
            "attribute": self.attribute,
            "value": self.value,
            "source": self.source.value,
            "confidence": round(self.confidence, 4),
            "measured": None if self.measured is None else round(self.measured, 4),
            "field": self.field or None,
            "said": self.said or None,
            "start": self.start,
            "end": self.end,
            "photo": self.photo,
            "box": self.box,
            "agreeing": [one.value for one in self.agreeing] or None,
            "family": self.family,
        }
        return {name: value for name, value in told.items() if value is not None}


def joined(found: Iterable[FoundValue]) -> list[FoundValue]:
    """The surest value of each attribute first, each value once.

    Sources that agree make one another surer, as if each erred by itself: 1 - Π (1 - confidence). They do not quite (a
    title misleads all who read it), so one kind of source counts once. The surest speaks, the others are named; what
    was measured of them is joined like what they are believed.
    """
    grouped: dict[tuple[str, str], dict[Source, FoundValue]] = {}
    for one in found:
        sources = grouped.setdefault((one.attribute, one.value), {})
        if one.source not in sources or sources[one.source].confidence < one.confidence:
            sources[one.source] = one
    together = []
    for sources in grouped.values():
        best = max(sources.values(), key=lambda one: one.confidence)
        measured = _agreed(sources.values(), lambda one: one.confidence if one.measured is None else one.measured)
        together.append(
            replace(
                best,
                confidence=_agreed(sources.values(), lambda one: one.confidence),
                measured=None if best.measured is None else measured,
                agreeing=tuple(sorted(sources.keys() - {best.source})),
            )
        )
    return sorted(together, key=lambda one: (one.attribute, -one.confidence, one.value))


def _agreed(found: Collection[FoundValue], sure_of: Callable[[FoundValue], float]) -> float:
    """How sure sources are together; those who read texts count as the surest of them."""
    readers = max((sure_of(one) for one in found if one.field), default=0.0)
    return min(1 - prod(1 - sure for sure in (readers, *(sure_of(one) for one in found if not one.field))), SUREST)
