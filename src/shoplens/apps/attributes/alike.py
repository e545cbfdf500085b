"""Products that are alike in attributes that somebody chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import NamedTuple

from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.schema import Kind, ShopSchema, current_values
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError, did_you_mean
from shoplens.ingest.units import measured


class Alike(NamedTuple):
    """A product, how alike it is (0 to 1), and in what."""

    item_id: str
    score: float
    shared: Mapping[str, tuple[str, ...]]


def alike(
    one: Product,
    others: Sequence[Product],
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
    total = sum(weights.values())
    found = []
    for other in others:
        if other.item_id == one.item_id or other.stub:
            continue
        shared: dict[str, tuple[str, ...]] = {}
        score = 0.0
        for name, values in wanted.items():
            theirs = current_values(other, name)
            near = max((_near(name, a, b, schema, normaliser) for a in values for b in theirs), default=0.0)
            if near > 0:
                shared[name] = theirs
                score += weights[name] * near
        if score > 0:
            found.append(Alike(other.item_id, score / total, shared))
    return sorted(found, key=lambda each: (-each.score, each.item_id))[:n]


def _near(name: str, one: str, other: str, schema: ShopSchema, normaliser: Normaliser) -> float:
    if normaliser.same(name, one, other):
        return 1.0
    if schema.kinds.get(name) is Kind.MEASURE:
        amounts = measured(one), measured(other)
        if amounts[0] and amounts[1] and amounts[0].unit == amounts[1].unit:
            high = max(amounts[0].amount, amounts[1].amount)
            return min(amounts[0].amount, amounts[1].amount) / high if high > 0 else 0.0
    return 0.0
