"""Products that are listed twice: the same article number, or the same words, facts and photo."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.schema import values_of
from shoplens.domain.catalogue import Product

Floats = npt.NDArray[np.float32]

ALIKE = 0.97  # cosine of text vectors
LEAST = 0.4  # confidence; less sure pairs are left out
PRICE_FACTOR = 1.05  # prices of one product listed twice differ no more
MOST_COMPARED = 400  # products with the same words that are compared one by one; more are a kind, not a product


class Duplicate(NamedTuple):
    """Two listings of what may be one product; `row` is the later one."""

    row: int
    other: int
    why: str  # gtin, photo, text
    confidence: float


def duplicates(
    products: Sequence[Product],
    near: Iterable[tuple[int, int, float]],
    photo_groups: Iterable[Sequence[int]],
    normaliser: Normaliser,
) -> list[Duplicate]:
    """Pairs, the surest first; each product is named once, with its surest twin.

    `near`: pairs of rows whose text vectors are alike, with their cosine; `photo_groups`: rows whose photos look the
    same. Variants of one group are no duplicates, and neither are two products that differ in any attribute.
    """
    titles = Counter(_title(product) for product in products)
    same_photo: set[tuple[int, int]] = set()
    for group in photo_groups:
        rows = sorted(group)[:MOST_COMPARED]
        same_photo.update((low, high) for at, low in enumerate(rows) for high in rows[at + 1 :])
    similar = {(min(one, other), max(one, other)): like for one, other, like in near if one != other}
    by_number: defaultdict[str, list[int]] = defaultdict(list)
    for row, product in enumerate(products):
        if product.gtin:
            by_number[product.gtin].append(row)
    found = [
        Duplicate(high, low, "gtin", 0.95)
        for rows in by_number.values()
        for low, high in pairwise(rows)
        if not _variants(products[low], products[high])
    ]
    for low, high in sorted(same_photo | set(similar)):
        one, other = products[low], products[high]
        if _variants(one, other) or not _agree(one, other, normaliser):
            continue
        like = similar.get((low, high))
        if like is None:
            like = 0.0
        photo = (low, high) in same_photo
        if photo and like >= ALIKE:
            found.append(Duplicate(high, low, "photo", 0.9))
        elif like >= ALIKE and not (one.images and other.images and not photo):
            found.append(Duplicate(high, low, "text", _by_text(one, other, like, titles[_title(one)])))
    best: dict[int, Duplicate] = {}
    for pair in sorted(
        (one for one in found if one.confidence >= LEAST), key=lambda pair: (-pair.confidence, pair.row, pair.other)
    ):
        best.setdefault(pair.row, pair)
    return sorted(best.values(), key=lambda pair: (-pair.confidence, pair.row))


def near_pairs(vectors: Floats, groups: Iterable[Sequence[int]]) -> list[tuple[int, int, float]]:
    """Pairs of rows within a group whose vectors are alike; larger groups than MOST_COMPARED are left out."""
    found = []
    for group in groups:
        rows = np.array(sorted(group), np.int64)
        if not 2 <= len(rows) <= MOST_COMPARED:
            continue
        like = vectors[rows] @ vectors[rows].T
        low, high = np.nonzero(np.triu(like >= ALIKE, 1))
        found += [
            (int(rows[a]), int(rows[b]), float(like[a, b])) for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ]
    return found


def _variants(one: Product, other: Product) -> bool:
    return one.group_id is not None and one.group_id == other.group_id


def _agree(one: Product, other: Product, normaliser: Normaliser) -> bool:
    """Whether nothing that both say speaks against their being one product, and at least one thing speaks for it."""
    if any(mine and theirs and mine != theirs for mine, theirs in ((one.mpn, other.mpn), (one.gtin, other.gtin))):
        return False
    if one.price is not None and other.price is not None and one.currency == other.currency:
        high, low = max(one.price, other.price), min(one.price, other.price)
        if low <= 0 or float(high / low) > PRICE_FACTOR:
            return False
    facts, others = dict(values_of(one)), dict(values_of(other))
    both = facts.keys() & others.keys()
    for name in both:
        if not any(normaliser.same(name, mine, theirs) for mine in facts[name] for theirs in others[name]):
            return False
    return bool(both) or bool(one.images and other.images)


def _title(product: Product) -> str:
    return " ".join(product.title.casefold().split())


def _by_text(one: Product, other: Product, like: float, share: int) -> float:
    """Words alone leave doubt; the more facts and the exact price agree, the less. A title that many products `share`
    names a kind of product, not one."""
    shared = len(dict(values_of(one)).keys() & dict(values_of(other)).keys())
    price = one.price is not None and one.price == other.price
    sure = min(0.85, 0.35 + 0.1 * min(shared, 3) + 0.15 * price + (like - ALIKE) / (1 - ALIKE) * 0.1)
    return sure * min(1.0, 2 / share)
