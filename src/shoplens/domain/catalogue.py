"""A product as the shop describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

#: Attributes that name other products: labels for cart suggestions, nothing that describes this one.
RELATIONS = frozenset({"upsells", "cross_sells"})


class Availability(StrEnum):
    """Google Merchant Center's four words, which every other feed is mapped to."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    BACKORDER = "backorder"

    @property
    def orderable(self) -> bool:
        """Whether a shopper can order it today."""
        return self is not Availability.OUT_OF_STOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product (or one variant of one: variants share `group_id`).

    `category` is a path from broad to narrow. `images` and `videos` are file paths, http(s) URLs or
    `archive.zip#member`. A `stub` is known only because an event mentioned it.
    """

    item_id: str
    title: str = ""
    description: str = ""
    brand: str | None = None
    category: tuple[str, ...] = ()
    price: Decimal | None = None
    sale_price: Decimal | None = None
    currency: str | None = None  # ISO 4217
    availability: Availability | None = None
    stock: int | None = None  # units on hand
    gtin: str | None = None
    mpn: str | None = None
    group_id: str | None = None
    link: str | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    created_at: datetime | None = None  # UTC
    stub: bool = False

    @property
    def orderable(self) -> bool:
        """Whether to offer it: unknown availability counts as yes, zero stock as no."""
        if self.availability is not None and not self.availability.orderable:
            return False
        return (
            self.stock is None or self.stock > 0 or self.availability in (Availability.PREORDER, Availability.BACKORDER)
        )

    @property
    def text(self) -> str:
        """What a text encoder reads: title, brand, category, attributes, then the description.

        Said once: what the title already contains is not repeated. Values without a letter (article numbers,
        manufacturer codes) are left out: as text they mean nothing, and they would make equal products differ.
        """
        parts = [self.title]
        said = self.title.casefold()
        values = [", ".join(self.attributes[name]) for name in sorted(self.attributes) if name not in RELATIONS]
        more = [self.brand or "", *self.category, *values]
        for part in more:
            if any(letter.isalpha() for letter in part) and part.casefold() not in said:
                parts.append(part)
                said = f"{said} {part.casefold()}"
        parts.append(self.description)
        return ". ".join(part for part in parts if part)
