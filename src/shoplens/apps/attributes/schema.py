"""The shop's own taxonomy: which attributes products of a category have, which values, and of what kind they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from shoplens.apps.attributes.things import heads
from shoplens.domain.catalogue import RELATIONS, Product
from shoplens.features.align.lexicon import built_in
from shoplens.ingest.units import measured

BRAND = "brand"  # product.brand, treated like an attribute
LEAST_PRODUCTS = 10  # of a category that speaks for itself; smaller ones are spoken for by the one above
USUAL = 0.2  # share of a category's products that have an attribute: then the others may lack it
MOSTLY = 0.6  # share of the values that decides on the kind
MOST_CHOICES = 300  # different values of an attribute that people choose from
LONGEST_VALUE = 60  # letters; longer ones are sentences
PACK_NAMES = frozenset({"multipack", "pack", "pack size", "pack_size", "quantity", "count", "件数", "装量", "数量"})
SIZE_NAMES = frozenset({"size", "尺码", "尺寸", "clothing size", "shoe size", "shoe_size"})

Category = tuple[str, ...]


class Kind(StrEnum):
    """What values of an attribute are like."""

    MEASURE = "measure"  # a number with a unit
    COLOUR = "colour"
    CHOICE = "choice"  # one of a few
    NAME = "name"  # many different ones: brands, models
    NUMBER = "number"  # bare numbers of packs and sizes; said as "pack of 6" and "size 42"
    CODE = "code"  # without a word: article numbers; nothing to find in texts


def values_of(product: Product) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Attributes with their values, the brand among them."""
    if product.brand:
        yield BRAND, (product.brand,)
    for name, values in product.attributes.items():
        if name not in RELATIONS and name != BRAND and values:
            yield name, values


def current_values(product: Product, attribute: str) -> tuple[str, ...]:
    """What the product says of an attribute; empty: nothing."""
    if attribute == BRAND:
        return (product.brand,) if product.brand else ()
    return tuple(product.attributes.get(attribute, ()))


@dataclass(slots=True)
class _Counts:
    products: int = 0
    filled: Counter[str] = field(default_factory=Counter)  # attribute → products that have it
    coloured: set[tuple[str, str]] = field(default_factory=set)  # attribute, value that may be a thing


class ShopSchema:
    """Counted over the catalogue. A category is the path from broad to narrow; () is the whole shop."""

    def __init__(
        self,
        categories: dict[Category, _Counts],
        values: dict[str, Counter[str]],
    ) -> None:
        self._categories = categories
        self._values = values
        self._expected: dict[Category, Mapping[str, float]] = {}  # worked out when first asked for
        self.kinds = {name: _kind_of(name, counts) for name, counts in values.items()}

    @classmethod
    def of(cls, products: Iterable[Product]) -> Self:
        """Go through the catalogue once; products that only an event mentioned say nothing."""
        categories: defaultdict[Category, _Counts] = defaultdict(_Counts)
        values: defaultdict[str, Counter[str]] = defaultdict(Counter)
        also_things = heads()
        for product in products:
            if product.stub:
                continue
            described = list(values_of(product))
            things = [
                (name, said) for name, own in described for value in own if (said := value.casefold()) in also_things
            ]
            for depth in range(len(product.category) + 1):
                counts = categories[product.category[:depth]]
                counts.products += 1
                counts.filled.update(name for name, _ in described)
                counts.coloured.update(things)
            for name, own in described:
                values[name].update(own)
        return cls(dict(categories), dict(values))

    @property
    def attributes(self) -> tuple[str, ...]:
        """All there are, in order."""
        return tuple(sorted(self._values))

    def speaking(self, category: Category) -> Category:
        """The narrowest category on the path that has enough products to speak for itself."""
        for depth in range(len(category), 0, -1):
            known = self._categories.get(category[:depth])
            if known is not None and known.products >= LEAST_PRODUCTS:
                return category[:depth]
        return ()

    def expected(self, category: Category) -> Mapping[str, float]:
        """Attributes that products of a category usually have, with the share that do."""
        known = self._expected.get(category)
        if known is None:
            counts = self._categories.get(self.speaking(category), _Counts())
            shares = {name: many / counts.products for name, many in counts.filled.items()}
            known = {name: share for name, share in sorted(shares.items()) if share >= USUAL}
            self._expected[category] = known
        return known

    def has_colour(self, category: Category, attribute: str, value: str) -> bool:
        """Whether a product of the category is of a colour whose name is that of a thing, too (`things.heads`)."""
        known = self._categories.get(self.speaking(category))
        return known is not None and (attribute, value.casefold()) in known.coloured

    def values(self, attribute: str) -> Counter[str]:
        """Values of an attribute with how many products have each."""
        return self._values.get(attribute, Counter())


def _kind_of(name: str, counts: Counter[str]) -> Kind:
    """Of an attribute by its values, each as often as products have it, and of bare numbers by its name."""
    lexicon = built_in()
    total = sum(counts.values())
    kinds: Counter[Kind] = Counter()
    for value, many in counts.items():
        amount = measured(value)
        idea = next(iter(lexicon.meanings(value)), None)
        if amount is not None and amount.unit:
            kinds[Kind.MEASURE] += many
        elif idea is not None and idea.kind == "colour":
            kinds[Kind.COLOUR] += many
        elif not any(letter.isalpha() for letter in value):
            kinds[Kind.CODE] += many
    kind, many = max(kinds.items(), key=lambda one: one[1], default=(Kind.NAME, 0))
    if total and many / total >= MOSTLY:
        counted = name.casefold() in PACK_NAMES | SIZE_NAMES
        return Kind.NUMBER if kind is Kind.CODE and counted else kind
    short = sum(many for value, many in counts.items() if len(value) <= LONGEST_VALUE)
    return Kind.CHOICE if len(counts) <= MOST_CHOICES and short >= MOSTLY * total else Kind.NAME
