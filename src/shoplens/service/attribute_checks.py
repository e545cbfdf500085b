"""What is wrong in a catalogue, as proposals: contradictions, wrong categories, listings twice, strange prices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from shoplens.apps.attributes.categories import misplaced
from shoplens.apps.attributes.contradictions import Contradiction, contradictions
from shoplens.apps.attributes.duplicates import MOST_COMPARED, Looks, duplicates, near_pairs
from shoplens.apps.attributes.found import FoundValue
from shoplens.apps.attributes.patterns import pack_in
from shoplens.apps.attributes.prices import strange_prices
from shoplens.apps.attributes.schema import Kind, values_of
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind
from shoplens.encoders.photo_hash import near_duplicates, photo_hashes
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import ShoplensError
from shoplens.ingest.units import measured
from shoplens.service.attribute_completion import Completion
from shoplens.service.attribute_learning import SEPARATOR, Progress

MOST_PHOTOS = 20_000  # that are decoded for comparison; a shop with more compares texts only
MOST_OF_A_KIND = 5_000  # duplicates that are put on the list: nobody reads more
PHOTOS_AT_ONCE = 256
MOST_SHARING = 4  # products with one title whose vectors are compared; more are told apart by their facts and photos


def check(found: Completion, looks: Looks, now: int) -> Iterator[Proposal]:
    """All checks of a catalogue whose texts and photos were read."""
    yield from _contradictions(found, now)
    yield from _categories(found, now)
    yield from _duplicates(found, looks, now)
    yield from _prices(found, now)


def same_photos(products: Sequence[Product], opener: PhotoOpener, progress: Progress) -> Looks:
    """Which products' first photos look the same. Photos that cannot be read, and one that more than MOST_COMPARED
    products have (a placeholder), tell nothing."""
    rows = [row for row, product in enumerate(products) if product.images]
    if not rows or len(rows) > MOST_PHOTOS:
        return Looks()
    known: list[int] = []
    hashes = []
    for first in range(0, len(rows), PHOTOS_AT_ONCE):
        progress("compare photos", first, len(rows))
        photos = []
        for row in rows[first : first + PHOTOS_AT_ONCE]:
            try:
                photos.append(opener.open(products[row].images[0]))
                known.append(row)
            except ShoplensError:
                continue
        hashes.append(photo_hashes(photos))
    progress("compare photos", len(rows), len(rows))
    groups = [[known[place] for place in group] for group in near_duplicates(np.concatenate(hashes))]
    placeholders = {row for group in groups if len(group) > MOST_COMPARED for row in group}
    return Looks([group for group in groups if len(group) <= MOST_COMPARED], frozenset(known) - placeholders)


def of_contradiction(item_id: str, one: Contradiction, now: int) -> Proposal:
    """As a proposal."""
    evidence: dict[str, Any] = {"found": one.found.as_dict()}
    if one.seen is not None and one.seen != one.found:
        evidence["photo"] = one.seen.as_dict()
    return Proposal(
        kind=ProposalKind.CONTRADICTION,
        item_id=item_id,
        attribute=one.attribute,
        value=one.found.value,
        current=one.current,
        source=one.found.source.value,
        confidence=round(one.confidence, 4),
        evidence=evidence,
        offered=now,
    )


def _contradictions(found: Completion, now: int) -> Iterator[Proposal]:
    schema, normaliser = found.knowledge.schema, found.knowledge.normaliser
    for row, product in enumerate(found.products):
        read, seen = found.read.get(row, ()), found.seen.get(row, ())
        if read or seen:
            for one in contradictions(product, read, seen, schema, normaliser):
                shown = one.seen and found.regions.of(one.seen)
                placed = one._replace(found=found.regions.of(one.found), seen=shown)
                yield of_contradiction(product.item_id, placed, now)


def _categories(found: Completion, now: int) -> Iterator[Proposal]:
    found.progress("check categories", 0, 0)
    products = found.products
    for one in misplaced([product.title for product in products], [product.category for product in products]):
        product = products[one.row]
        yield Proposal(
            kind=ProposalKind.CATEGORY,
            item_id=product.item_id,
            attribute="category",
            value=SEPARATOR.join(one.category),
            current=product.category,
            source="title",
            confidence=round(one.confidence, 4),
            evidence={"like_proposed": round(one.like_other, 3), "like_current": round(one.like_own, 3)},
            offered=now,
        )


def _duplicates(found: Completion, looks: Looks, now: int) -> Iterator[Proposal]:
    found.progress("look for duplicates", 0, 0)
    products, text = found.products, found.shown.text
    pairs: list[tuple[int, int, float]] = []
    if text is not None:
        groups: defaultdict[object, list[int]] = defaultdict(list)
        sizes: defaultdict[object, int] = defaultdict(int)
        for product in products:
            sizes[product.category] += 1
        titles = Counter(product.title.casefold() for product in products)
        for row in np.flatnonzero(text.any(1)).tolist():
            product = products[row]
            if titles[product.title.casefold()] > MOST_SHARING:
                continue
            small = sizes[product.category] <= MOST_COMPARED
            groups[product.category if small else (product.category, product.title.casefold())].append(row)
        pairs = near_pairs(text, groups.values())
    twice = duplicates(products, pairs, looks, found.knowledge.normaliser)
    for one in twice[:MOST_OF_A_KIND]:
        yield Proposal(
            kind=ProposalKind.DUPLICATE,
            item_id=products[one.row].item_id,
            value=products[one.other].item_id,
            source=one.why,
            confidence=round(one.confidence, 4),
            evidence={"titles": [products[one.row].title, products[one.other].title]},
            offered=now,
        )


def _prices(found: Completion, now: int) -> Iterator[Proposal]:
    found.progress("check prices", 0, 0)
    products, kinds = found.products, found.knowledge.schema.kinds
    prices = np.array([float(one.price) if one.price is not None else np.nan for one in products], np.float64)
    groups: list[object] = []
    amounts = np.ones(len(products))
    for row, product in enumerate(products):
        unit, amounts[row] = _amount(product, found.read.get(row, ()), kinds)
        amounts[row] *= pack_in(product.title, pieces=not unit)
        groups.append((product.category, product.currency, unit) if product.category else (row,))
    for one in strange_prices(prices, groups, amounts):
        product = products[one.row]
        yield Proposal(
            kind=ProposalKind.PRICE,
            item_id=product.item_id,
            attribute="price",
            current=(str(product.price),),
            source="shop",
            confidence=round(one.confidence, 4),
            evidence={
                "usual": round(one.usual, 2),
                "between": [round(one.low, 2), round(one.high, 2)],
                "z": round(one.z, 2),
                "currency": product.currency,
            },
            offered=now,
        )


def _amount(product: Product, read: Sequence[FoundValue], kinds: Mapping[str, Kind]) -> tuple[str, float]:
    """How much one piece holds, and in which unit: by the first measure among its attributes, else by its title. One of
    no unit where neither says so."""
    said = [values[0] for name, values in values_of(product) if kinds[name] is Kind.MEASURE]
    said += [one.value for one in read if one.field == "title" and kinds[one.attribute] is Kind.MEASURE]
    for value in said:
        amount = measured(value)
        if amount is not None and amount.unit and amount.amount > 0:
            return amount.metric().unit, amount.metric().amount
    return "", 1.0
