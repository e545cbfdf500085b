"""What is known of the products that are on the table: prices, brands, attributes, by the names shoppers use."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median

from shoplens.apps.interaction.moves import Places
from shoplens.apps.interaction.wording import FIELDS
from shoplens.recommend.facts import CatalogueFacts

ATTRIBUTE = "attributes."
MUCH = 0.5  # of the price, when something is to be much cheaper
DOMINANT = 0.5  # share of the products on the table whose value "that brand" means


class Table:
    """Facts of products by their ids."""

    def __init__(self, facts: CatalogueFacts) -> None:
        self._facts = facts

    def any_products(self) -> bool:
        """Whether the shop has told of a product at all."""
        return self._facts.known > 0

    def title(self, item_id: str) -> str:
        """Its title, or its id."""
        return self._facts.titles[self._facts.row(item_id)] or item_id

    def price(self, item_id: str) -> float | None:
        """What a shopper pays; None when it is not known."""
        row = self._facts.row(item_id)
        price = float(self._facts.columns.price[row]) if row else math.nan
        return price if math.isfinite(price) else None

    def category(self, item_id: str) -> tuple[str, ...]:
        """Its category, from broad to narrow."""
        row = self._facts.row(item_id)
        return tuple(self._facts.category_path_of(row)) if row else ()

    def attributes(self) -> tuple[str, ...]:
        """Names of the catalogue's attributes, the frequent ones first."""
        return tuple(name.removeprefix(ATTRIBUTE) for name in self._facts.fields() if name.startswith(ATTRIBUTE))

    def field(self, kind: str) -> str | None:
        """The field of the catalogue that shoppers mean by "colour"; None where products do not have it."""
        if kind in ("brand", "price", "category"):
            return kind
        names = FIELDS.get(kind, (kind,))
        for name in self.attributes():
            if name.casefold() in names or name.casefold() == kind.casefold():
                return f"{ATTRIBUTE}{name}"
        for name in self.attributes():  # "Main colour", "frame_material"
            if set(name.casefold().replace("_", " ").split()) & set(names):
                return f"{ATTRIBUTE}{name}"
        return None

    def values(self, item_id: str, field: str) -> tuple[str, ...]:
        """What a product has in a field; of its category the narrowest level."""
        row = self._facts.row(item_id)
        if not row:
            return ()
        if field == "brand":
            brand = self._facts.brand_of(row)
            return (brand,) if brand else ()
        if field == "category":
            return tuple(self._facts.category_path_of(row))[-1:]
        name = field.removeprefix(ATTRIBUTE).casefold()
        return next((tuple(own) for one, own in self._facts.attributes_of(row).items() if one.casefold() == name), ())

    def common(self, item_ids: Sequence[str], field: str) -> str | None:
        """The value that at least half of these products have; None where none is so frequent."""
        counts = Counter(value for item_id in item_ids for value in self.values(item_id, field)[:1])
        if not counts:
            return None
        value, many = counts.most_common(1)[0]
        return value if many >= max(DOMINANT * len(item_ids), 1) else None

    def limit(self, item_ids: Sequence[str], *, down: bool, much: bool, exactly: bool) -> float | None:
        """The price that cheaper (or dearer) products lie beyond; None where no price is known.

        Of products that were referred to, `exactly` theirs; else the middle of what is on the table, so that half of
        it already is cheaper and the search does not jump to the bottom.
        """
        prices = sorted(price for item_id in item_ids if (price := self.price(item_id)) is not None)
        if not prices:
            return None
        middle = (prices[0] if down else prices[-1]) if exactly else float(median(prices))
        if not exactly and prices[0] == prices[-1]:
            middle = prices[0]
        return round(middle * (MUCH if down else 1 / MUCH), 2) if much else middle


def resolve(places: Places, table: Sequence[str], about: Sequence[str]) -> tuple[str, ...] | None:
    """Products that places refer to; None when one of them cannot be told.

    "This one" is what was referred to before, or the only product on the table.
    """
    found: list[str] = []
    for place in places:
        if place == 0:
            one = list(about) or (list(table) if len(table) == 1 else [])
        else:
            one = list(table[place - 1 : place] if place > 0 else table[place : len(table) + place + 1])
        if not one:
            return None
        found += one
    return tuple(dict.fromkeys(found))
