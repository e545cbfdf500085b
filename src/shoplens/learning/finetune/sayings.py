"""Photos and what is said of them: titles, and phrases made of attributes (`features.align.captions`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.features.align.contrastive import Pairs
from shoplens.features.align.examples import Material
from shoplens.features.align.facets import Codes
from shoplens.features.align.networks import Floats
from shoplens.learning.finetune.sides import Rows, checked

MOST_PHOTOS = 4_000  # that are learnt from, drawn at random when there are more: what lies below is kept in memory
MOST_TEXTS = 12_000  # different ones, likewise
SAYINGS = 3  # of a product in one batch, at most
HARD = 0.5  # share of batches whose photos resemble one another


@dataclass(frozen=True, slots=True)
class Sayings:
    """Products by rows of a `Material`; texts by number."""

    texts: list[str]  # different ones
    vectors: Floats  # [texts, encoder]: as the reader of the material reads them
    text: Codes  # [sayings]: which text
    owner: Codes  # [sayings]: of which product, ascending
    asks: Codes  # [sayings, facets]: values that a phrase asks for, -1 = any
    has: Codes  # [products, facets]
    titles: Codes  # [products]: equal titles have equal numbers, -1 = none
    learn: Codes  # products to learn from: with photo and words
    check: Codes  # products that say when to stop

    @classmethod
    def gather(cls, material: Material, random: np.random.Generator) -> Sayings:
        """From products none of which is held out."""
        lessons = material.lessons
        texts, numbers = np.unique(np.asarray(material.texts, object), return_inverse=True)
        kept = np.ones(len(material.texts), bool)
        if len(texts) > MOST_TEXTS:  # titles first: each is said of few products only
            title = (material.asks < 0).all(1)
            kept[np.lexsort((random.random(len(kept)), ~title))[MOST_TEXTS:]] = False
        rows = np.flatnonzero(kept)
        rows = rows[np.argsort(material.products[rows], kind="stable")]
        used, text = np.unique(numbers[rows], return_inverse=True)
        first = np.zeros(len(texts), np.int64)
        first[numbers[::-1]] = np.arange(len(numbers))[::-1]
        owner = material.products[rows]
        usable = np.zeros(len(lessons.titles), bool)
        usable[owner] = True
        usable &= lessons.has_photo
        chosen = random.permutation(np.flatnonzero(usable))[:MOST_PHOTOS]
        usable = np.zeros(len(usable), bool)
        usable[chosen] = True
        stop: Rows = checked(lessons.titles, lessons.values)
        return cls(
            [str(texts[one]) for one in used],
            material.vectors[first[used]],
            text,
            owner,
            material.asks[rows],
            material.codes,
            _numbered(lessons.titles),
            np.flatnonzero(usable & ~stop),
            np.flatnonzero(usable & stop),
        )

    @property
    def photos(self) -> Codes:
        """Products whose photos are looked at, ascending."""
        return np.union1d(self.learn, self.check)

    def of(self, products: Codes, random: np.random.Generator, most: int = SAYINGS) -> Codes:
        """Up to `most` sayings of each product, the title among them more often than not."""
        begins, ends = np.searchsorted(self.owner, products), np.searchsorted(self.owner, products, "right")
        drawn = [
            np.arange(begin, end) if end - begin <= most else begin + random.permutation(end - begin)[:most]
            for begin, end in zip(begins, ends, strict=True)
        ]
        return np.concatenate(drawn)

    def right(self, sayings: Codes, products: Codes) -> Rows:
        """Which products answer which sayings: their own, those of the same title, those that are what a phrase asks
        for. bool [sayings, products]"""
        asks, has = self.asks[sayings], self.has[products]
        fits: Rows = np.all((asks[:, None] < 0) | np.equal(asks[:, None], has[None]), axis=2)
        fits &= (asks >= 0).any(1, keepdims=True)
        own = self.owner[sayings][:, None]
        titles = self.titles[own]
        fits |= (own == products[None]) | ((titles == self.titles[products][None]) & (titles >= 0))
        return fits

    def pairs(self, products: Codes, photos: Floats, vectors: Floats) -> Pairs:
        """For `contrastive.fit_space`: these products (ascending) with their `photos` [products, …] and all that is
        said of them, as `vectors` [texts, …]."""
        chosen = np.flatnonzero(np.isin(self.owner, products))
        rows = np.searchsorted(products, self.owner[chosen])
        text = self.text[chosen]
        return Pairs(vectors[text], photos, rows, text, self.asks[chosen], self.has[products])

    def batches(self, looks: Floats, size: int, random: np.random.Generator) -> list[Codes]:
        """All products to learn from, cut into batches of one size (what is left over waits for the next epoch). In
        some of them the photos, as `looks` [products, …] saw them, lie close together: their texts are hard to tell."""
        size = min(size, len(self.learn))
        order = random.permutation(self.learn)
        hard = order[: int(HARD * len(order)) // size * size]
        if len(hard):
            direction = random.standard_normal(looks.shape[1], np.float32)
            hard = hard[np.argsort(looks[hard] @ direction, kind="stable")]
        mixed = np.concatenate([hard, order[len(hard) :]])
        cuts = [mixed[begin : begin + size] for begin in range(0, len(mixed) - size + 1, size)]
        return [cuts[place] for place in random.permutation(len(cuts))]


def _numbered(titles: Sequence[str]) -> Codes:
    known: dict[str, int] = {}
    return np.asarray([known.setdefault(title, len(known)) if title else -1 for title in titles], np.int64)
