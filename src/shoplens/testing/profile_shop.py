"""A small shop whose people have planted tastes and rhythms, with what profiles need trained and ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.domain.catalogue import Product
from shoplens.domain.dataset import TrainingData
from shoplens.domain.events import EVENT_WEIGHTS, MICROSECONDS_PER_DAY, Event, EventBatch, EventType
from shoplens.domain.people import Person
from shoplens.models.popularity import Popularity
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import promote
from shoplens.service.dataset import read_log
from shoplens.service.profile_training import train_profiles
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store

#: Taste → the category that its people mostly buy from. Person k has taste k modulo 4, and says so in the field "club".
TASTES = ("tea", "tools", "toys", "garden")
PEOPLE, DAYS, PRODUCTS = 160, 200, 64
STEADY = "u000"  # comes every seventh day, in the evening, for red tea at reduced prices
LEFT = "u001"  # came weekly, and stopped half way
GUEST = "visit-1"  # session of a guest who looked at tools


def open_profile_shop(
    folder: Path,
    *,
    now: int,
    trained: bool = True,
    settings: Mapping[str, Any] | None = None,
    change: Callable[[int, Product], Product] = lambda _, product: product,
) -> Runtime:
    """A running shop in `folder`, bought from until just before `now` (microseconds); close it when done.

    `change`: what is sold in place of the product of a number."""
    workspace = Workspace.create(folder)
    if settings:
        workspace = Workspace(folder, Settings.read(None, **settings))
    store = open_store(workspace.database_url)
    store.catalogue.upsert(change(number, _product(number)) for number in range(PRODUCTS))
    store.people.upsert(
        Person(user_id=f"u{k:03}", fields={"club": TASTES[k % 4], "religion": "none"} if k % 8 < 6 else {})
        for k in range(PEOPLE)
    )
    batch = EventBatch()
    for event in _events(now):
        batch.append(event)
    store.events.append(batch)
    if trained:
        train_profile_shop(workspace, store)
    return Runtime(workspace, store)


def train_profile_shop(workspace: Workspace, store: Store, *, seed: int = 0) -> str:
    """Fit, write and promote a bundle; returns its version."""
    log, profiles = read_log(store, money=True)
    interactions = log.weighed()
    trained = train_profiles(workspace, store, log, EVENT_WEIGHTS, seed=seed)
    folder = write_bundle(
        workspace.bundles,
        items=interactions.items,
        models={"popularity": Popularity().fit(TrainingData(interactions, (), profiles))},
        shipped="popularity",
        people=interactions.users,
        profile=trained.model,
        extra={"profiles": dict(trained.figures)},
    )
    promote(workspace.bundles, folder.name)
    return folder.name


def _product(number: int) -> Product:
    taste = TASTES[number % 4]
    return Product(
        item_id=f"p{number:02}",
        title=f"{taste} {number}",
        category=("shop", taste, f"{taste} {number // 4 % 2}"),
        brand=f"Brand {number % 3}",
        price=Decimal(5 + number // 4),
        currency="EUR",
        attributes={"Colour": ("red" if number // 4 % 2 else "blue",), "Religion": ("none",)},
    )


def _events(now: int) -> list[Event]:
    random = np.random.default_rng(0)
    midnight = now // MICROSECONDS_PER_DAY * MICROSECONDS_PER_DAY
    events = [
        Event(
            event_type=EventType.VIEW,
            session_id=GUEST,
            item_id=f"p{4 * k + 1:02}",
            timestamp=now - (k + 1) * 60_000_000,
        )
        for k in range(8)
    ]
    for k in range(PEOPLE):
        gap = 7 if k < 2 else 4 + k % 9
        stop = DAYS // 2 if k == 1 else (int(random.integers(0, DAYS)) if k % 5 == 4 else 0)  # days before now
        for day in range(DAYS, stop, -gap):
            late = 0 if k < 2 else int(random.integers(0, 3))
            hour = 19 if k == 0 else int(random.integers(8, 22))
            moment = midnight - (day - late) * MICROSECONDS_PER_DAY + hour * 3_600_000_000
            events += [_bought(k, n, moment, random) for n in range(1 + int(random.integers(3))) if moment < now]
    return events


def _bought(k: int, n: int, moment: int, random: np.random.Generator) -> Event:
    taste = k % 4 if random.random() < 0.8 else int(random.integers(4))
    number = int(random.integers(PRODUCTS // 4)) * 4 + taste
    if k == 0:
        number = int(random.integers(PRODUCTS // 8)) * 8 + 4
    price = 5.0 + number // 4
    reduced = k == 0 or random.random() < 0.2
    return Event(
        event_type=EventType.PURCHASE,
        user_id=f"u{k:03}",
        item_id=f"p{number:02}",
        timestamp=moment + n * 1_000_000,
        price=price * 0.8 if reduced else price,
        quantity=1.0,
        currency="EUR",
    )
