"""What words and pictures of a catalogue can be compared by: its facets, found in the catalogue itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import RELATIONS, Product

Codes = npt.NDArray[np.int64]

LEAST_SUPPORT = 5  # products that have a value before it is worth learning
MOST_VALUES = 300  # of one facet, the most frequent ones: more are brands and names, which words find better
LONGEST_VALUE = 60  # letters; longer ones are sentences
SAME = 0.985  # share of products on which one facet tells the other: then both say the same thing
LEVEL = "category "  # facets "category 1", "category 2", … are the levels of the category path

Described = Mapping[str, tuple[str, ...]]  # facet → values of one product


@dataclass(frozen=True, slots=True)
class Facet:
    """One attribute, category level or the brand, with the values that are learnt."""

    name: str
    values: tuple[str, ...]  # most frequent first
    counts: tuple[int, ...]  # products with each value

    @property
    def is_noun(self) -> bool:
        """Whether its values say what a thing is ("shirt") rather than how it is ("red")."""
        return self.name.startswith(LEVEL)

    @property
    def prior(self) -> npt.NDArray[np.float64]:
        """How frequent each value is among products that have one. [values], sums to 1."""
        counts = np.asarray(self.counts, np.float64)
        shares: npt.NDArray[np.float64] = counts / counts.sum()
        return shares

    @property
    def entropy(self) -> float:
        """In nats: how much knowing the value tells."""
        return float(-(self.prior * np.log(self.prior)).sum())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "values": list(self.values), "counts": list(self.counts)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        return cls(str(told["name"]), tuple(map(str, told["values"])), tuple(map(int, told["counts"])))


def described(product: Product) -> dict[str, tuple[str, ...]]:
    """Everything categorical that a product says of itself: category levels, brand, attributes."""
    found: dict[str, tuple[str, ...]] = {
        f"{LEVEL}{level}": (value,) for level, value in enumerate(product.category, start=1)
    }
    if product.brand:
        found["brand"] = (product.brand,)
    for name, values in product.attributes.items():
        if name not in RELATIONS and values:
            found[name] = tuple(values)
    return {name: usable for name, values in found.items() if (usable := tuple(filter(_sayable, values)))}


def choose_facets(products: Sequence[Described], *, least: int = LEAST_SUPPORT) -> tuple[Facet, ...]:
    """Facets with at least two values that `least` products have each. Of two that say the same, the finer one stays.

    A product with several values of a facet counts with the first, which shops put first for a reason.
    """
    counted: dict[str, Counter[str]] = {}
    for product in products:
        for name, values in product.items():
            counted.setdefault(name, Counter())[values[0]] += 1
    facets = []
    for name in sorted(counted):
        common = [(value, many) for value, many in counted[name].most_common(MOST_VALUES) if many >= least]
        if len(common) >= 2:
            facets.append(Facet(name, *zip(*common, strict=True)))
    facets.sort(key=lambda facet: (-len(facet.values), not facet.is_noun, facet.name))
    codes = codes_of(products, facets)
    kept: list[int] = []
    for place in range(len(facets)):
        if not any(_same(codes[:, other], codes[:, place]) for other in kept):
            kept.append(place)
    return tuple(sorted((facets[place] for place in kept), key=lambda facet: facet.name))


def codes_of(products: Iterable[Described], facets: Sequence[Facet]) -> Codes:
    """Place of each product's value among a facet's values, -1 where it has none that is learnt. [products, facets]"""
    places = [{value: place for place, value in enumerate(facet.values)} for facet in facets]
    known = [(facet.name, place) for facet, place in zip(facets, places, strict=True)]
    rows = [
        [place.get(product[name][0], -1) if name in product else -1 for name, place in known] for product in products
    ]
    return np.asarray(rows, np.int64).reshape(len(rows), len(facets))


def _same(one: Codes, other: Codes) -> bool:
    """Whether each of two facets tells the other on nearly all products that have both, and most have both."""
    both = (one >= 0) & (other >= 0)
    if both.sum() < 0.9 * max((one >= 0).sum(), (other >= 0).sum()) or not both.any():
        return False
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one[both], other[both]), 1)
    return bool(min(table.max(0).sum(), table.max(1).sum()) >= SAME * both.sum())


def _sayable(value: str) -> bool:
    """Whether a shopper could say it: has letters, and is not a sentence."""
    return len(value) <= LONGEST_VALUE and any(letter.isalpha() for letter in value)
