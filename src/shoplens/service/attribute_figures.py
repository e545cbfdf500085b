"""From the store's log to what attribute values go with, and what people search for in vain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.apps.attributes.gaps import Gap, gaps
from shoplens.apps.attributes.insights import Drive, drives, in_currency, level, stages_of, strata_of
from shoplens.apps.attributes.schema import Kind, ShopSchema, values_of
from shoplens.domain.catalogue import Product
from shoplens.domain.events import EVENT_CODES, EventType
from shoplens.models.extraction.tokens import Tokens
from shoplens.store.base import Store

MOST_VALUES = 200  # of one attribute, the most frequent ones, that are compared
LOOKS = (EventType.VIEW, EventType.CLICK)

ValueRows = dict[tuple[str, str], npt.NDArray[np.int64]]


def what_drives(store: Store, products: Sequence[Product], schema: ShopSchema, *, since: int = 0) -> list[Drive]:
    """Every value with enough products; events at or after `since` (microseconds) count."""
    views, carts, purchases = _counts(store, products, since)
    stages = stages_of(views, carts, purchases)
    price = np.array([float(one.price) if one.price is not None else np.nan for one in products], np.float64)
    category = [schema.speaking(one.category) for one in products]
    currency = [one.currency for one in products]
    strata = strata_of(category, price, views, currency, by_popularity=bool(views.sum()))
    values, asked = value_rows(products, schema)
    return drives(values, asked, [level(one, strata, in_currency(price, currency), views) for one in stages], strata)


def what_is_lacking(store: Store, products: Sequence[Product], schema: ShopSchema, *, since: int, n: int) -> list[Gap]:
    """From searches at or after `since` (microseconds)."""
    values, _ = value_rows(products, schema, most=None)
    words = frozenset(
        word
        for product in products
        for text in (product.title, product.brand or "", *product.category)
        for word in Tokens(text).words
    )
    return gaps(store.searches.queries(since=since), values, words, n=n)


def value_rows(
    products: Sequence[Product], schema: ShopSchema, *, most: int | None = MOST_VALUES
) -> tuple[ValueRows, dict[str, npt.NDArray[np.bool_]]]:
    """(attribute, value) → rows of products, and attribute → products that have any value of it. Codes are left out."""
    kept = {
        name: {value for value, _ in schema.values(name).most_common(most)}
        for name in schema.attributes
        if schema.kinds[name] is not Kind.CODE
    }
    rows: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    asked = {name: np.zeros(len(products), np.bool_) for name in kept}
    for row, product in enumerate(products):
        for name, values in values_of(product):
            if name in kept:
                asked[name][row] = True
                for value in set(values) & kept[name]:
                    rows[name, value].append(row)
    return {key: np.array(own, np.int64) for key, own in sorted(rows.items())}, asked


def _counts(
    store: Store, products: Sequence[Product], since: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Views (clicks among them), carts and purchases of each product; each person counts once a product and kind, so
    that one who reloads a page is not a crowd."""
    catalogue = store.catalogue.rows()
    place = {product.item_id: row for row, product in enumerate(products)}
    table = np.full(max(catalogue.row, default=0) + 1, -1, np.int64)
    table[list(catalogue.row)] = [place.get(item_id, -1) for item_id in catalogue.item_id]
    codes = ([EVENT_CODES[one] for one in LOOKS], [EVENT_CODES[EventType.CART]], [EVENT_CODES[EventType.PURCHASE]])
    pairs: list[list[npt.NDArray[np.int64]]] = [[], [], []]
    for events in store.events.scan():
        known = (events.product >= 0) & (events.product < len(table)) & (events.timestamp >= since)
        item = np.where(known, table[np.where(known, events.product, 0)], -1)
        who = np.where(events.person >= 0, events.person, -1 - (events.session & 0x7FFF_FFFF))
        for kind, wanted in enumerate(codes):
            told = np.flatnonzero((item >= 0) & np.isin(events.event_type, wanted))
            if len(told):
                pairs[kind].append(np.unique(np.stack([item[told], who[told]], 1), axis=0))
    counted = []
    for own in pairs:
        once = np.unique(np.concatenate(own), axis=0)[:, 0] if own else np.zeros(0, np.int64)
        counted.append(np.bincount(once, minlength=len(products)).astype(np.float64))
    return counted[0], counted[1], counted[2]
