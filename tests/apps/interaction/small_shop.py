"""Eighteen things to wear, and a search that finds them by words: what conversations are tested with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from shoplens.apps.interaction import Interaction
from shoplens.apps.interaction.turns import Seen
from shoplens.domain.catalogue import Product
from shoplens.recommend.asking import Ask, Constraint, Facet, FacetValue, Found, Hit
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.filters import Filter, parse_filter
from shoplens.retrieval.asked import Given

COLOURS = {"Red": "红色", "Blue": "蓝色", "Black": "黑色"}
KINDS = {"Dress": ("Clothing", "Dresses", "连衣裙"), "Shoes": ("Footwear", "Shoes", "鞋子")}
BRANDS = ("Acme", "Orion", "Zola")
SIGNAL = "image"


def products() -> list[Product]:
    """Each kind in each colour of each brand, dearer and dearer: 10, 15, … in the order dress, shoes."""
    made: list[Product] = []
    for kind, (broad, narrow, chinese) in KINDS.items():
        for brand in BRANDS:
            for colour, zh in COLOURS.items():
                number = len(made)
                made.append(
                    Product(
                        item_id=f"{kind}-{colour}-{brand}".lower(),
                        title=f"{brand} {colour} {kind}",
                        description=f"{zh}{chinese}",
                        brand=brand,
                        category=(broad, narrow),
                        price=Decimal(10 + 5 * number),
                        attributes={"colour": (colour,), "material": ("Leather" if number % 2 else "Cotton",)},
                    )
                )
    return made


class WordSearch:
    """Counts words in titles and descriptions; remembers what it was asked."""

    def __init__(self, facts: CatalogueFacts, goods: Sequence[Product]) -> None:
        self.facts, self.goods = facts, list(goods)
        self.asked: list[Ask] = []

    def __call__(self, ask: Ask) -> Found:
        self.asked.append(ask)
        understood = tuple(one for one in understand(ask.text) if one.id not in ask.drop) if ask.understand else ()
        allowed = self.facts.offered()
        for wanted in (ask.filter, *(one.filter for one in understood)):
            if wanted is not None:
                allowed = allowed & self.facts.mask(wanted)
        words = [word for word in re.findall(r"[a-z]{3,}|[\u3400-\u9fff]+", ask.text.casefold()) if word != "under"]
        looks = [one for one in ask.given if one.signal == SIGNAL]
        scored = []
        for place, product in enumerate(self.goods):
            text = f"{product.title} {product.description} {product.title}s".casefold()
            score = float(sum(word in text or word.removesuffix("es") in text for word in words))
            score += sum(one.weight * float(one.vector @ vector_of(product)) for one in looks)
            if allowed[self.facts.row(product.item_id)] and (score > 0 or not (words or looks)):
                scored.append((-score, place))
        if ask.sort:
            sign = -1 if ask.sort[0].descending else 1
            scored.sort(key=lambda one: sign * float(self.goods[one[1]].price or 0))
        else:
            scored.sort()
        start = int(ask.cursor or 0)
        page = scored[start : start + ask.n]
        items = tuple(Hit(self.goods[place].item_id, -score) for score, place in page)
        cursor = str(start + ask.n) if start + ask.n < len(scored) else None
        facets = self._facets([self.goods[place] for _, place in scored]) if ask.facets else ()
        return Found("i", items, len(scored), facets, understood, cursor=cursor, language=ask.language)

    def _facets(self, goods: Sequence[Product]) -> tuple[Facet, ...]:
        found = []
        for field, values in (
            ("brand", [product.brand or "" for product in goods]),
            ("attributes.colour", [product.attributes["colour"][0] for product in goods]),
        ):
            counts = {value: values.count(value) for value in dict.fromkeys(values)}
            found.append(Facet(field, "values", tuple(FacetValue(v, v, many) for v, many in counts.items())))
        return tuple(found)


def understand(text: str, language: str = "en") -> list[Constraint]:
    """Colours, brands, categories and upper and lower prices."""
    found = []

    def add(name: str, field: str, wanted: object, said: str) -> None:
        found.append(Constraint(name, field, parse_filter(wanted), said, said, True))

    for match in re.finditer(r"(under|over) (\d+)|(\d+)元以(下|上)", text):
        below, amount = match[1] == "under" or match[4] == "下", float(match[2] or match[3])
        add(f"price{'<' if below else '>'}={amount:g}", "price", _bound(below, amount), match[0])
    for colour, zh in COLOURS.items():
        for said in re.findall(rf"(?i)\b{colour}\b|{zh}", text):
            negated = re.search(rf"(?i)(?:not |不要){said}", text)
            told = {"field": "attributes.colour", "eq": colour}
            add(f"colour{'!=' if negated else '='}{colour}", "attributes.colour", {"not": told} if negated else told,
                negated[0] if negated else said)  # fmt: skip
    for brand in BRANDS:
        if re.search(rf"(?i)\b{brand}\b", text):
            add(f"brand={brand}", "brand", {"field": "brand", "eq": brand}, brand)
    for kind, (broad, narrow, zh) in KINDS.items():
        for said in re.findall(rf"(?i)\b{kind}(?:es)?\b|{zh}", text):
            add(f"category={narrow}", "category", {"field": "category", "eq": [broad, narrow]}, said)
    return found


def _bound(below: bool, amount: float) -> object:
    return {"field": "price", "range": {"lte" if below else "gte": amount}}


def vector_of(product: Product) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """What its photo would look like: kind and colour. float32 [5]"""
    vector = np.zeros(5, np.float32)
    vector[list(KINDS).index(product.title.split()[-1])] = 1
    vector[2 + list(COLOURS).index(product.attributes["colour"][0])] = 1
    return vector / np.float32(np.sqrt(2))


class Shop:
    """Everything that a conversation is handed."""

    def __init__(self) -> None:
        self.products = products()
        self.facts = CatalogueFacts(self.products)
        self.search = WordSearch(self.facts, self.products)
        self.now = 0.0

    def likeness(self, item_id: str) -> Seen | None:
        product = next(one for one in self.products if one.item_id == item_id)
        return Seen((Given(SIGNAL, vector_of(product)),))

    def talk(self, **more: object) -> Interaction:
        chosen: dict[str, object] = {"understand": understand, "likeness": self.likeness, "clock": lambda: self.now}
        return Interaction(self.search, self.facts, **(chosen | more))  # type: ignore[arg-type]


def excludes(wanted: Filter | None, item_id: str, facts: CatalogueFacts) -> bool:
    """Whether a filter leaves a product out."""
    return wanted is not None and not facts.mask(wanted)[facts.row(item_id)]
