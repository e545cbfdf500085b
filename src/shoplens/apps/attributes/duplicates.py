"""Products that are listed twice: the same article number, or the same words, facts and photo."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from shoplens.apps.attributes.normalise import Normaliser, folded
from shoplens.apps.attributes.schema import values_of
from shoplens.domain.catalogue import Product

Floats = npt.NDArray[np.float32]

ALIKE = 0.97  # cosine of text vectors
LEAST = 0.4  # confidence; less sure pairs are left out
PRICE_FACTOR = 1.05  # prices of one product listed twice differ no more
MOST_COMPARED = 400  # products with the same words that are compared one by one; more are a kind, not a product
SAYS_MORE = 0.75  # confidence of two with the same photo of which one title says a little more
MOST_MORE = 2  # words of that
SEVERAL_BRANDS = 4  # whose titles have a word that is no name
LEAST_WORDS = 3  # of the shorter title
MOST_KINDS = 4  # products told apart under one title and brand; of more it names a kind, and says nothing of any two

_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ENDINGS = re.compile(r"(?<=\w{2})(?:['’]s|s['’]?)$")


class Looks(NamedTuple):
    """What comparing photos told."""

    groups: Sequence[Sequence[int]] = ()  # rows whose photos look the same
    compared: Collection[int] = frozenset()  # rows whose photo looks the same only as others of its group


class Duplicate(NamedTuple):
    """Two listings of what may be one product; `row` is the later one."""

    row: int
    other: int
    why: str  # gtin, photo, text
    confidence: float


def duplicates(
    products: Sequence[Product], near: Iterable[tuple[int, int, float]], looks: Looks, normaliser: Normaliser
) -> list[Duplicate]:
    """Pairs, the surest first; each product is named once, with its surest twin.

    `near`: pairs of rows whose text vectors are alike, with their cosine. Listings of one title and brand are found
    without, in any number and across categories. Variants of one group are no duplicates, and neither are two products
    that differ in any attribute, or whose photos were compared and look different.
    """
    titles = Counter(_title(product) for product in products)
    told = [_stems(_title(product)) for product in products]
    saying_nothing = _of_many_brands(products, told) - normaliser.telling_words()
    same_photo: set[tuple[int, int]] = set()
    for group in looks.groups:
        rows = sorted(group)[:MOST_COMPARED]
        same_photo.update((low, high) for at, low in enumerate(rows) for high in rows[at + 1 :])

    def shared(low: int, high: int) -> int | None:
        """Facts that two rows have in common; None when they are not one product."""
        if _variants(products[low], products[high]):
            return None
        if low in looks.compared and high in looks.compared and (low, high) not in same_photo:
            return None
        return _shared(products[low], products[high], normaliser)

    similar = {(min(one, other), max(one, other)): like for one, other, like in near if one != other}
    by_number: defaultdict[str, list[int]] = defaultdict(list)
    by_words: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row, product in enumerate(products):
        if product.gtin:
            by_number[product.gtin].append(row)
        if product.title.strip():
            by_words[_words(product)].append(row)
    found = [
        Duplicate(high, low, "gtin", 0.95)
        for rows in by_number.values()
        for low, high in pairwise(rows)
        if not _variants(products[low], products[high])
    ]
    for low, high in sorted(same_photo | set(similar)):
        one, other = products[low], products[high]
        photo = (low, high) in same_photo
        like = 1.0 if photo and one.title.strip() and _words(one) == _words(other) else similar.get((low, high), 0.0)
        more = photo and like < ALIKE and folded(one.brand or "") == folded(other.brand or "")
        more = more and _says_more(told[low], told[high], saying_nothing)
        facts = shared(low, high) if like >= ALIKE or more else None
        if facts is None:
            continue
        if photo:
            found.append(Duplicate(high, low, "photo", SAYS_MORE if more else 0.9))
        elif facts and not (one.images and other.images):  # like words alone say too little beside two photos
            found.append(Duplicate(high, low, "text", _by_text(one, other, facts, like, titles[_title(one)])))
    for rows in by_words.values():
        firsts, twins = _told_apart(rows, shared) if len(rows) > 1 else (0, [])
        for low, high, facts in twins:
            sure = _by_text(products[low], products[high], facts, 1.0, firsts)
            found.append(Duplicate(high, low, "text", sure))
    best: dict[int, Duplicate] = {}
    for pair in sorted(
        (one for one in found if one.confidence >= LEAST), key=lambda pair: (-pair.confidence, pair.row, pair.other)
    ):
        best.setdefault(pair.row, pair)
    return sorted(best.values(), key=lambda pair: (-pair.confidence, pair.row))


def _told_apart(
    rows: Sequence[int], shared: Callable[[int, int], int | None]
) -> tuple[int, list[tuple[int, int, int]]]:
    """How many products listings of the same words are, and each listing that repeats one: the first of it, itself,
    the facts they share. Nothing when they are too many: so no listing is compared with more than MOST_KINDS."""
    firsts: list[int] = []
    twins: list[tuple[int, int, int]] = []
    for row in rows:
        twin = next(((first, row, facts) for first in firsts if (facts := shared(first, row))), None)
        if twin is not None:
            twins.append(twin)
        elif len(firsts) == MOST_KINDS:
            return 0, []
        else:
            firsts.append(row)
    return len(firsts), twins


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


def _shared(one: Product, other: Product, normaliser: Normaliser) -> int | None:
    """How many facts (brand, attributes) both say; None when anything speaks against their being one product."""
    if any(mine and theirs and mine != theirs for mine, theirs in ((one.mpn, other.mpn), (one.gtin, other.gtin))):
        return None
    if one.price is not None and other.price is not None and one.currency == other.currency:
        high, low = max(one.price, other.price), min(one.price, other.price)
        if low <= 0 or float(high / low) > PRICE_FACTOR:
            return None
    facts, others = dict(values_of(one)), dict(values_of(other))
    both = facts.keys() & others.keys()
    for name in both:
        if not any(normaliser.same(name, mine, theirs) for mine in facts[name] for theirs in others[name]):
            return None
    return len(both)


def _title(product: Product) -> str:
    return " ".join(normalize("NFKC", product.title).casefold().split())


def _words(product: Product) -> tuple[str, str]:
    """What identical listings have in common: title and brand, in any letter case and spacing."""
    return _title(product), folded(product.brand or "")


def _stems(title: str) -> frozenset[str]:
    """Words without the endings that listings of one product differ in: "Men", "Mens" and "Men's"."""
    return frozenset(_ENDINGS.sub("", word) for word in _WORDS.findall(title))


def _of_many_brands(products: Sequence[Product], told: Sequence[frozenset[str]]) -> frozenset[str]:
    """Words that titles of several brands have: names of models are not among them."""
    brands: defaultdict[str, set[str]] = defaultdict(set)
    for product, words in zip(products, told, strict=True):
        for word in words:
            if len(brands[word]) < SEVERAL_BRANDS:
                brands[word].add(folded(product.brand or ""))
    return frozenset(word for word, named in brands.items() if len(named) >= SEVERAL_BRANDS)


def _says_more(one: frozenset[str], other: frozenset[str], saying_nothing: Collection[str]) -> bool:
    """Whether one title says all that the other does and at most MOST_MORE words more, none of which tells products
    apart: only such as say nothing, and no number."""
    less, more = sorted((one, other), key=len)
    extra = more - less
    return (
        len(less) >= LEAST_WORDS
        and less <= more
        and len(extra) <= MOST_MORE
        and all(word in saying_nothing and not any(map(str.isdigit, word)) for word in extra)
    )


def _by_text(one: Product, other: Product, facts: int, like: float, share: int) -> float:
    """Words alone leave doubt; the more facts and the exact price agree, the less. A title that many products `share`
    names a kind of product, not one."""
    price = one.price is not None and one.price == other.price
    sure = min(0.85, 0.35 + 0.1 * min(facts, 3) + 0.15 * price + (like - ALIKE) / (1 - ALIKE) * 0.1)
    return sure * min(1.0, 2 / share)
