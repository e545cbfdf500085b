"""What products have in common that people can like: category at each level, brand, price band, attributes.

Two fields belong to a deed and not to a product: the part of day and week, and whether the price was reduced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.catalogue import RELATIONS
from shoplens.domain.sensitive import gives_away, is_sensitive

Trait: TypeAlias = tuple[str, str]  # field, value as the shop spells it

LEVELS = 3  # of the category path
SEPARATOR, ATTRIBUTES = " > ", "attributes."  # between levels; before the names of attributes
BANDS = ("budget", "middle", "premium")  # thirds of the prices of products of the same kind
LEAST_PRICES = 12  # of a kind before it has thirds of its own; else those of the kind around it
PART_OF_DAY, PART_OF_WEEK, OFFER = "part_of_day", "part_of_week", "offer"
DEED_FIELDS = {
    PART_OF_DAY: ("night", "morning", "afternoon", "evening"),  # from 0, 6, 12 and 18 o'clock
    PART_OF_WEEK: ("weekday", "weekend"),
    OFFER: ("usual price", "reduced price"),
}
COLOURS = frozenset({"color", "colour", "colours", "colors", "颜色", "颜色分类"})

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceBands:
    """Where the thirds of prices lie, by kind of product (category path, letter case folded; () = the whole shop)."""

    edges: Mapping[Path, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def fit(cls, products: Iterable[tuple[Path, float]]) -> PriceBands:
        """From the category and price of all products that have one."""
        prices: dict[Path, list[float]] = {}
        for path, price in products:
            if price > 0:
                folded = fold(path)
                for depth in range(len(folded) + 1):
                    prices.setdefault(folded[:depth], []).append(price)
        thirds = {
            path: np.quantile(found, (1 / 3, 2 / 3)) for path, found in prices.items() if len(found) >= LEAST_PRICES
        }
        return cls({path: (float(low), float(high)) for path, (low, high) in thirds.items()})

    def band(self, path: Path, price: float) -> str | None:
        """One of BANDS; None without a price or anything to compare it with."""
        if not price > 0:  # NaN too
            return None
        folded = fold(path)
        for depth in range(len(folded), -1, -1):
            found = self.edges.get(folded[:depth])
            if found is not None:
                return BANDS[int(price > found[0]) + int(price > found[1])]
        return None


def fold(path: Path) -> Path:
    """A path with letter case folded, without empty parts."""
    return tuple(part.strip().casefold() for part in path if part.strip())


def traits_of(
    category: Path, brand: str, price: float, attributes: Mapping[str, Sequence[str]], bands: PriceBands
) -> list[Trait]:
    """All traits of one product, but none that is sensitive: by the attribute's name, a value, the brand, or a category
    and all below it. Relations to other products are none either."""
    path = [part.strip() for part in category if part.strip()][:LEVELS]
    found: list[Trait] = [(level_name(depth), SEPARATOR.join(path[:depth])) for depth in range(1, len(path) + 1)]
    if brand.strip():
        found.append(("brand", brand.strip()))
    if (band := bands.band(category, price)) is not None:
        found.append(("price_band", band))
    for name, values in attributes.items():
        if name.casefold() not in RELATIONS and not is_sensitive(name):  # while letter case still parts its words
            found += [(attribute_name(name), value.strip()) for value in values if value.strip()]
    return [trait for trait in found if not is_untold(trait)]


@lru_cache(maxsize=200_000)  # traits of a shop, each asked of many products
def is_untold(trait: Trait) -> bool:
    """Whether a trait says something of people that is never told: what it is called, or what it says."""
    name, value = trait
    if name.startswith(ATTRIBUTES) and is_sensitive(name.removeprefix(ATTRIBUTES)):
        return True
    parts = value.split(SEPARATOR) if name.startswith("category") else (value,)
    return any(gives_away(part) for part in parts)


def level_name(depth: int) -> str:
    """Field of the category at a depth from 1."""
    return "category" if depth == 1 else f"category.{depth}"


def attribute_name(name: str) -> str:
    """Field of an attribute; all spellings of colour are one."""
    folded = name.strip().casefold()
    return f"{ATTRIBUTES}{'colour' if folded in COLOURS else folded}"


@dataclass(frozen=True, slots=True)
class TraitColumns:
    """The traits that enough people share, as columns; column k is `fields[field[k]]` = `shown[k]`."""

    fields: tuple[str, ...]
    field: npt.NDArray[np.int32]  # [n_columns]
    shown: tuple[str, ...]
    number: Mapping[tuple[str, str], int]  # field, value with letter case folded → column

    @classmethod
    def of(cls, traits: Sequence[Trait]) -> TraitColumns:
        """In the order given; a trait named twice counts once."""
        unique: dict[tuple[str, str], str] = {}
        for name, value in traits:
            unique.setdefault((name, value.casefold()), value)
        names = tuple(dict.fromkeys(name for name, _ in unique))
        place = {name: k for k, name in enumerate(names)}
        return cls(
            names,
            np.array([place[name] for name, _ in unique], np.int32),
            tuple(unique.values()),
            {key: k for k, key in enumerate(unique)},
        )

    def __len__(self) -> int:
        return len(self.shown)

    def of_field(self, name: str) -> npt.NDArray[np.int64]:
        """Columns of a field, ascending; empty without that field."""
        return np.flatnonzero(self.field == self.fields.index(name)) if name in self.fields else np.zeros(0, np.int64)

    def rows(self, products: Iterable[Sequence[Trait]]) -> sp.csr_matrix:
        """1 where a product has a trait; traits that are no column are left out. float32 [n_products, n_columns]"""
        indptr, indices = [0], []
        for traits in products:
            found = {self.number.get((name, value.casefold()), -1) for name, value in traits}
            indices += sorted(found - {-1})
            indptr.append(len(indices))
        ones = np.ones(len(indices), np.float32)
        return sp.csr_matrix(
            (ones, np.array(indices, np.int64), np.array(indptr, np.int64)), (len(indptr) - 1, len(self))
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"traits": [[self.fields[f], value] for f, value in zip(self.field.tolist(), self.shown, strict=True)]}
