"""From the store's log to what completes a cart: baskets, kinds of products, weights, and the tables of everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EVENT_CODES, MICROSECONDS_PER_DAY, EventType
from shoplens.domain.vocabulary import Vocabulary
from shoplens.learning.cart import choose_weights
from shoplens.models.cart import Baskets, CartModel, CartSettings
from shoplens.service.dataset import ShopLog
from shoplens.store.base import Store

SPEAK = (EventType.PURCHASE, EventType.CART)  # what baskets are made of: the first that the log has
LARGEST_SHARE = 0.2  # of the log's days that validation may take

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TrainedCart:
    """The model that ships, None without any basket, and how its weights did on validation."""

    model: CartModel | None
    figures: Mapping[str, Any] = field(default_factory=dict)


def train_cart(store: Store, log: ShopLog, *, valid_days: float, seed: int = 0, progress: Progress) -> TrainedCart:
    """Choose the weights on the last `valid_days` of baskets, then fit on all of them."""
    event, baskets = baskets_of(log)
    if not len(baskets):
        return TrainedCart(None)
    kind = kinds_of(store, log.items)
    settings = CartSettings(event=event.value)
    days = min(valid_days, (baskets.end - int(baskets.time[0])) / MICROSECONDS_PER_DAY * LARGEST_SHARE)
    chosen = choose_weights(baskets, kind, days=days, settings=settings, seed=seed, progress=progress)
    model = CartModel.fit(baskets, kind, replace(settings, weights=chosen.weights))
    return TrainedCart(model, {"baskets": len(baskets), "made of": event.value, "valid_days": days, **chosen.figures})


def baskets_of(log: ShopLog) -> tuple[EventType, Baskets]:
    """What the baskets are made of, and the baskets."""
    for event in SPEAK:
        told = np.flatnonzero(log.event_type == EVENT_CODES[event])
        if len(told):
            break
    return event, Baskets.of(log.user[told], log.item[told], log.timestamp[told], len(log.items))


def kinds_of(store: Store, items: Vocabulary) -> npt.NDArray[np.int32]:
    """The narrowest category of each product as a number, 0 = none. [len(items)]"""
    kind = np.zeros(len(items), np.int32)
    numbers: dict[tuple[str, ...], int] = {(): 0}
    for products in store.catalogue.scan():
        for product in products:
            row = items.get(product.item_id)
            if row >= 0:
                kind[row] = numbers.setdefault(product.category, len(numbers))
    return kind
