"""A tiny, seeded, synthetic shop for tests and tutorials; each person prefers one category: the planted signal."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.events import MICROSECONDS_PER_DAY, Event, EventBatch, EventType
from shoplens.domain.people import Person
from shoplens.store.base import Store

START = 1_735_689_600_000_000  # 2025-01-01 00:00 UTC in microseconds
CATEGORIES = {
    "tea": ("green tea", "black tea", "oolong", "绿茶", "红茶"),
    "tools": ("hammer", "screwdriver", "wrench", "锤子", "螺丝刀"),
    "toys": ("puzzle", "robot", "doll", "拼图", "机器人"),
    "garden": ("rake", "watering can", "flower pot", "耙子", "花盆"),
}


@dataclass(frozen=True, slots=True)
class TinyShop:
    """Products, people and events of one made-up shop."""

    products: tuple[Product, ...]
    people: tuple[Person, ...]
    events: tuple[Event, ...]

    @property
    def favourite(self) -> dict[str, str]:
        """The planted signal: user_id → category that this person mostly buys from."""
        names = list(CATEGORIES)
        return {person.user_id: names[row % len(names)] for row, person in enumerate(self.people)}

    def fill(self, store: Store) -> None:
        """Put everything into a store."""
        store.catalogue.upsert(self.products)
        store.people.upsert(self.people)
        batch = EventBatch()
        for event in self.events:
            batch.append(event)
        store.events.append(batch)

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """products.csv, events.csv and people.csv in the plain format, as a shop would export them."""
        folder.mkdir(parents=True, exist_ok=True)
        products, events, people = (folder / f"{name}.csv" for name in ("products", "events", "people"))
        _write(
            products,
            ("item_id", "title", "brand", "category", "price", "currency", "availability", "description"),
            [
                (
                    p.item_id,
                    p.title,
                    p.brand,
                    " > ".join(p.category),
                    p.price,
                    p.currency,
                    p.availability,
                    p.description,
                )
                for p in self.products
            ],
        )
        _write(
            events,
            ("user_id", "item_id", "event_type", "timestamp", "price", "quantity"),
            [(e.user_id, e.item_id, e.event_type, e.when.isoformat(), e.price, e.quantity) for e in self.events],
        )
        _write(
            people,
            ("user_id", "age", "region"),
            [(p.user_id, p.fields["age"], p.fields["region"]) for p in self.people],
        )
        return products, events, people


@cache  # a suite of tests asks for the same one hundreds of times
def tiny_shop(products: int = 80, people: int = 60, days: int = 60, *, seed: int = 0) -> TinyShop:
    """A shop of `products`, in which each person acts about once every other day for `days` days."""
    random = np.random.default_rng(seed)
    names = list(CATEGORIES)
    goods = []
    for number in range(products):
        category = names[number % len(names)]
        kind = CATEGORIES[category][number // len(names) % 5]
        goods.append(
            Product(
                item_id=f"p{number:03}",
                title=f"{kind} {number}",
                description=f"A {kind} for people who like {category}.",
                brand=f"Brand {number % 7}",
                category=("shop", category),
                price=Decimal(number % 40 + 1) + Decimal("0.99"),
                currency="EUR",
                availability=Availability.OUT_OF_STOCK if number % 19 == 18 else Availability.IN_STOCK,
            )
        )
    crowd = tuple(
        Person(user_id=f"u{number:03}", fields={"age": float(20 + number % 50), "region": f"r{number % 5}"})
        for number in range(people)
    )
    kinds = (EventType.VIEW, EventType.CART, EventType.PURCHASE)
    events = []
    popularity = 1 / np.arange(1, products // len(names) + 1)  # Zipf within a category
    popularity /= popularity.sum()
    for row, person in enumerate(crowd):
        favourite = row % len(names)
        for day in range(days):
            if random.random() > 0.5:
                continue
            taste = favourite if random.random() < 0.85 else int(random.integers(len(names)))
            number = int(random.choice(len(popularity), p=popularity)) * len(names) + taste
            moment = (
                START + day * MICROSECONDS_PER_DAY + int(random.integers(MICROSECONDS_PER_DAY // 1_000_000)) * 1_000_000
            )
            events.append(
                Event(
                    event_type=kinds[int(random.integers(3))],
                    timestamp=moment,
                    user_id=person.user_id,
                    session_id=f"{person.user_id}-{day}",
                    item_id=f"p{number:03}",
                    quantity=1.0,
                    price=float(goods[number].price or 0),
                )
            )
    events.sort(key=lambda event: event.timestamp)
    return TinyShop(tuple(goods), crowd, tuple(events))


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)
