"""A seeded, synthetic shop of any size, for measuring speed: power-law popularity, people with favourite categories.

Nothing about quality can be learnt from it: its behaviour is invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.dataset import Modality
from shoplens.domain.events import EVENT_CODES, MICROSECONDS_PER_DAY, EventBatch, EventType, key_of_text
from shoplens.models.cart import Baskets
from shoplens.store.base import Store

START = 1_735_689_600_000_000  # 2025-01-01 00:00 UTC in microseconds
DAYS = 180
DEPARTMENTS, SHELVES = 20, 10  # categories: a department has ten shelves
BRANDS = 500
COLOURS = ("red", "green", "blue", "black", "white", "grey", "yellow", "brown")
CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class LargeShop:
    """How large, and from which seed."""

    products: int
    people: int
    events_per_person: int = 20
    seed: int = 0

    def item_id(self, number: int) -> str:
        """Id of a product."""
        return f"p{number}"

    def user_id(self, number: int) -> str:
        """Id of a person."""
        return f"u{number}"

    @property
    def shelf(self) -> npt.NDArray[np.int64]:
        """Category of each product, 0 … DEPARTMENTS · SHELVES − 1. [products]"""
        return np.random.default_rng(self.seed).integers(0, DEPARTMENTS * SHELVES, self.products)

    def catalogue(self) -> Iterator[list[Product]]:
        """All products, in chunks."""
        random = np.random.default_rng(self.seed + 1)
        shelf = self.shelf
        price = np.round(np.exp(random.normal(3.0, 1.0, self.products)), 2)
        brand = random.zipf(1.4, self.products) % BRANDS
        colour = random.integers(0, len(COLOURS), self.products)
        in_stock = random.random(self.products) < 0.95
        for start in range(0, self.products, CHUNK):
            yield [
                Product(
                    item_id=self.item_id(k),
                    title=f"Product {k}",
                    brand=f"Brand {brand[k]}",
                    category=(f"department {shelf[k] // SHELVES}", f"shelf {shelf[k]}"),
                    price=Decimal(str(price[k])),
                    currency="EUR",
                    availability=Availability.IN_STOCK if in_stock[k] else Availability.OUT_OF_STOCK,
                    attributes={"colour": (COLOURS[colour[k]],)},
                )
                for k in range(start, min(start + CHUNK, self.products))
            ]

    def behaviour(self) -> Iterator[EventBatch]:
        """All events: three in four from two favourite shelves, the rest from anywhere, popular products first."""
        random = np.random.default_rng(self.seed + 2)
        shelf = self.shelf
        by_shelf = np.argsort(shelf, kind="stable")
        start_of = np.searchsorted(shelf[by_shelf], np.arange(DEPARTMENTS * SHELVES + 1))
        kinds = [EVENT_CODES[kind] for kind in (EventType.VIEW, EventType.CART, EventType.PURCHASE)]
        people_at_once = max(1, CHUNK * 5 // self.events_per_person)
        for first in range(0, self.people, people_at_once):
            users = np.arange(first, min(first + people_at_once, self.people))
            n = len(users) * self.events_per_person
            user = np.repeat(users, self.events_per_person)
            favourite = random.integers(0, DEPARTMENTS * SHELVES, (len(users), 2))
            chosen = favourite[np.repeat(np.arange(len(users)), self.events_per_person), random.integers(0, 2, n)]
            chosen = np.where(random.random(n) < 0.75, chosen, random.integers(0, DEPARTMENTS * SHELVES, n))
            size = np.maximum(start_of[chosen + 1] - start_of[chosen], 1)
            place = (size * random.random(n) ** 3).astype(np.int64)  # the front of a shelf sells best
            item = by_shelf[np.minimum(start_of[chosen] + place, self.products - 1)]
            moment = START + np.sort(random.integers(0, DAYS * MICROSECONDS_PER_DAY, n))
            kind = random.choice(kinds, n, p=(0.6, 0.15, 0.25))
            batch = EventBatch(
                key=[key_of_text(f"{self.seed}/{first}/{k}") for k in range(n)],
                event_type=kind.tolist(),
                timestamp=moment.tolist(),
                user_id=[self.user_id(k) for k in user.tolist()],
                item_id=[self.item_id(k) for k in item.tolist()],
            )
            for name in ("session_id", "value", "quantity", "price", "currency", "impression_id", "position"):
                setattr(batch, name, [None] * n)
            batch.query, batch.context = [None] * n, [None] * n
            yield batch

    def baskets(self, size: int = 8) -> Baskets:
        """As many baskets as people, of about `size` products: four in five from one shelf and its neighbour."""
        random = np.random.default_rng(self.seed + 4)
        n = self.people * size
        owner = np.repeat(np.arange(self.people, dtype=np.int32), size)
        by_shelf = np.argsort(self.shelf, kind="stable")
        start_of = np.searchsorted(self.shelf[by_shelf], np.arange(DEPARTMENTS * SHELVES + 1))
        shelf = np.repeat(random.integers(0, DEPARTMENTS * SHELVES - 1, self.people), size) + random.integers(0, 2, n)
        anywhere = random.integers(0, DEPARTMENTS * SHELVES, n)
        chosen = np.where(random.random(n) < 0.8, shelf, anywhere)
        room = np.maximum(start_of[chosen + 1] - start_of[chosen], 1)
        place = (room * random.random(n) ** 3).astype(np.int64)
        item = by_shelf[np.minimum(start_of[chosen] + place, self.products - 1)].astype(np.int32)
        moment = START + np.repeat(random.integers(0, DAYS * MICROSECONDS_PER_DAY, self.people), size)
        return Baskets.of(owner, item, moment, self.products)

    def content(self, size: int = 64) -> Modality:
        """Stand-in for text vectors: the shelf's direction with noise. [products, size]"""
        random = np.random.default_rng(self.seed + 3)
        centres = random.normal(size=(DEPARTMENTS * SHELVES, size))
        values = centres[self.shelf] + random.normal(scale=0.7, size=(self.products, size))
        return Modality("text", values.astype(np.float32), np.ones(self.products, bool))

    def fill(self, store: Store) -> int:
        """Put products and events into a store; returns how many events."""
        for products in self.catalogue():
            store.catalogue.upsert(products)
        return sum(store.events.append(batch).stored for batch in self.behaviour())
