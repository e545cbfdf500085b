"""Products that are alike in attributes that somebody chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.schema import Kind, ShopSchema, current_values, values_of
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError, did_you_mean
from shoplens.ingest.units import measured

Rows = npt.NDArray[np.int32]


class Alike(NamedTuple):
    """A product, how alike it is (0 to 1), and in what."""

    item_id: str
    score: float
    shared: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Held:
    """Who has which value of one attribute."""

    values: tuple[str, ...]
    rows: Rows  # [n], rising; a product with two values occurs twice
    codes: Rows  # [n]: place in `values`

    def of(self, row: int) -> tuple[str, ...]:
        """Values of a product."""
        first, last = np.searchsorted(self.rows, [row, row + 1])
        return tuple(self.values[code] for code in self.codes[first:last])


@dataclass(frozen=True, slots=True)
class HeldValues:
    """Values of all products, attribute by attribute: 8 bytes each, and every text once."""

    item_ids: tuple[str, ...]
    by_attribute: Mapping[str, Held]

    @classmethod
    def of(cls, products: Iterable[Product]) -> HeldValues:
        """Of a catalogue; products that are only named by events have none."""
        item_ids: list[str] = []
        found: dict[str, tuple[dict[str, int], list[int], list[int]]] = {}
        for product in products:
            if product.stub:
                continue
            for name, values in values_of(product):
                places, rows, codes = found.setdefault(name, ({}, [], []))
                rows += [len(item_ids)] * len(values)
                codes += [places.setdefault(value, len(places)) for value in values]
            item_ids.append(product.item_id)
        held = {
            name: Held(tuple(places), np.array(rows, np.int32), np.array(codes, np.int32))
            for name, (places, rows, codes) in found.items()
        }
        return cls(tuple(item_ids), held)


def alike(
    one: Product,
    others: HeldValues,
    attributes: Sequence[str],
    schema: ShopSchema,
    normaliser: Normaliser,
    *,
    n: int = 10,
) -> list[Alike]:
    """The n products that share most of the chosen attributes with `one`; a rare value shared says more (inverse
    document frequency), and measures count as far as they are near. InputError for attributes it has no value of."""
    if not attributes:
        raise InputError("say by which attributes products are to be alike")
    wanted = {name: current_values(one, name) for name in attributes}
    lacking = sorted(name for name, values in wanted.items() if not values)
    if lacking:
        has = [name for name in ("brand", "category", *one.attributes) if current_values(one, name)]
        raise InputError(
            f"{one.item_id} has no {', '.join(lacking)}; {did_you_mean(lacking[0], has)}choose among what it has: "
            f"{', '.join(has) or 'nothing yet'}"
        )
    weights = {
        name: max(log(1 + sum(schema.values(name).values()) / max(schema.values(name)[values[0]], 1)), 1e-6)
        for name, values in wanted.items()
    }
    scores = np.zeros(len(others.item_ids))
    near: dict[str, npt.NDArray[np.float64]] = {}  # attribute → of each product
    for name, values in wanted.items():
        held = others.by_attribute.get(name)
        if held is None:
            continue
        each = np.array([max(_near(name, a, b, schema, normaliser) for a in values) for b in held.values])
        near[name] = np.zeros(len(scores))
        np.maximum.at(near[name], held.rows, each[held.codes])
        scores += weights[name] * near[name]
    best = sorted(np.flatnonzero(scores).tolist(), key=lambda row: (-scores[row], others.item_ids[row]))
    chosen = [row for row in best[: n + 1] if others.item_ids[row] != one.item_id][:n]
    return [
        Alike(
            others.item_ids[row],
            float(scores[row]) / sum(weights.values()),
            {name: others.by_attribute[name].of(row) for name, share in near.items() if share[row] > 0},
        )
        for row in chosen
    ]


def _near(name: str, one: str, other: str, schema: ShopSchema, normaliser: Normaliser) -> float:
    if normaliser.same(name, one, other):
        return 1.0
    if schema.kinds.get(name) is Kind.MEASURE:
        amounts = measured(one), measured(other)
        if amounts[0] and amounts[1] and amounts[0].unit == amounts[1].unit:
            high = max(amounts[0].amount, amounts[1].amount)
            return min(amounts[0].amount, amounts[1].amount) / high if high > 0 else 0.0
    return 0.0
