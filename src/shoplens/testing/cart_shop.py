"""A small shop whose baskets follow a plan, trained and ready: breakfast, cleaning, variants, and what is sold out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shoplens.domain.catalogue import Availability, Product
from shoplens.domain.dataset import TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY, Event, EventBatch, EventType
from shoplens.models.cart import CartModel
from shoplens.models.item_knn import ItemKNN
from shoplens.models.popularity import Popularity
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import promote
from shoplens.service.cart_training import baskets_of, kinds_of
from shoplens.service.dataset import read_log
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store

#: item_id → title, category, group of variants. What is bought together: `PLAN`.
PRODUCTS: dict[str, tuple[str, str, str | None]] = {
    "bread": ("Bread", "bakery", None),
    "butter": ("Butter", "dairy", "butter"),
    "butter-salted": ("Salted butter", "dairy", "butter"),
    "jam": ("Jam", "spreads", "jam"),
    "jam-small": ("Jam, small", "spreads", "jam"),
    "soap": ("Soap", "cleaning", None),
    "sponge": ("Sponge", "cleaning", None),
    "brush": ("Brush", "cleaning", None),  # sold out
    "milk": ("Milk", "dairy", None),
    "vase": ("Vase", "home", None),  # never sold
}
SOLD_OUT = "brush"
PLAN: tuple[tuple[str, ...], ...] = (
    ("bread", "butter", "jam"),
    ("bread", "butter"),
    ("bread", "butter", "jam", "jam-small"),
    ("bread", "butter-salted"),
    ("soap", "sponge", "brush"),
    ("soap", "sponge"),
)
WEEKLY = "ann"  # buys milk every nine days
DAYS = 60


def open_cart_shop(
    folder: Path, *, now: int, trained: bool = True, settings: Mapping[str, Any] | None = None
) -> Runtime:
    """A running shop in `folder`, bought from until just before `now` (microseconds); close it when done."""
    workspace = Workspace.create(folder)
    if settings:
        workspace = Workspace(folder, Settings.read(None, **settings))
    store = open_store(workspace.database_url)
    store.catalogue.upsert(
        Product(
            item_id=item_id,
            title=title,
            category=(category,),
            group_id=group,
            availability=Availability.OUT_OF_STOCK if item_id == SOLD_OUT else Availability.IN_STOCK,
        )
        for item_id, (title, category, group) in PRODUCTS.items()
    )
    batch = EventBatch()
    for event in _events(now):
        batch.append(event)
    store.events.append(batch)
    if trained:
        train_cart_shop(store, workspace.bundles)
    return Runtime(workspace, store)


def train_cart_shop(store: Store, bundles: Path, *, cart: bool = True) -> str:
    """Fit, write and promote a bundle; returns its version. Without `cart` it knows nothing of baskets."""
    log, profiles = read_log(store)
    interactions = log.weighed()
    data = TrainingData(interactions, (), profiles)
    _, baskets = baskets_of(log)
    folder = write_bundle(
        bundles,
        items=interactions.items,
        models={"popularity": Popularity().fit(data), "item-knn": ItemKNN().fit(data)},
        shipped="item-knn",
        people=interactions.users,
        cart=CartModel.fit(baskets, kinds_of(store, interactions.items)) if cart else None,
    )
    promote(bundles, folder.name)
    return folder.name


def _events(now: int) -> list[Event]:
    """A basket of the plan each day for each of five people, and milk."""
    events = []
    for day in range(1, DAYS + 1):
        moment = now - day * MICROSECONDS_PER_DAY
        for number, person in enumerate(("bob", "cem", "dai", "eva", "fay")):
            events += [_bought(person, item_id, moment) for item_id in PLAN[(day + number) % len(PLAN)]]
        if day % 9 == 8:
            events.append(_bought(WEEKLY, "milk", moment))
    return events


def _bought(person: str, item_id: str, moment: int) -> Event:
    return Event(event_type=EventType.PURCHASE, user_id=person, item_id=item_id, timestamp=moment, quantity=1.0)
