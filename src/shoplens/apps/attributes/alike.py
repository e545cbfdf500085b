"""Products that are alike in attributes that somebody chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import log
from typing import NamedTuple

import numpy as np

from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.schema import BRAND, Kind, ShopSchema, current_values
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError, did_you_mean
from shoplens.ingest.units import measured
from shoplens.recommend.facts import CatalogueFacts


class Alike(NamedTuple):
    """A product, how alike it is (0 to 1), and in what."""

    item_id: str
    score: float
    shared: Mapping[str, tuple[str, ...]]


def alike(
    one: Product,
    facts: CatalogueFacts,
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
    columns = facts.columns
    near = {
        name: facts.worth(name, partial(_nearest, name, values, schema, normaliser))[: len(columns)]
        for name, values in wanted.items()
    }
    scores = sum((weights[name] * near[name] for name in near), np.zeros(len(columns)))
    scores *= columns.listed & ~columns.stub
    scores[facts.row(one.item_id)] = 0
    best = sorted(np.flatnonzero(scores).tolist(), key=lambda row: (-scores[row], facts.ids[row]))[:n]
    total = sum(weights.values())
    return [
        Alike(
            facts.ids[row],
            float(scores[row]) / total,
            {name: _values(facts, row, name) for name, share in near.items() if share[row] > 0},
        )
        for row in best
    ]


def _values(facts: CatalogueFacts, row: int, name: str) -> tuple[str, ...]:
    if name == BRAND:
        return (facts.brand_of(row),)
    return next(values for own, values in facts.attributes_of(row).items() if own.casefold() == name.casefold())


def _nearest(name: str, wanted: Sequence[str], schema: ShopSchema, normaliser: Normaliser, other: str) -> float:
    return max(_near(name, one, other, schema, normaliser) for one in wanted)


def _near(name: str, one: str, other: str, schema: ShopSchema, normaliser: Normaliser) -> float:
    if normaliser.same(name, one, other):
        return 1.0
    if schema.kinds.get(name) is Kind.MEASURE:
        amounts = measured(one), measured(other)
        if amounts[0] and amounts[1] and amounts[0].unit == amounts[1].unit:
            high = max(amounts[0].amount, amounts[1].amount)
            return min(amounts[0].amount, amounts[1].amount) / high if high > 0 else 0.0
    return 0.0
