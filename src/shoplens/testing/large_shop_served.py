"""A large synthetic shop with all that a server reads: store, bundle, indexes of search; and what it is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from shoplens.domain.dataset import TrainingData
from shoplens.features.current import switch
from shoplens.features.table import DIGEST_BYTES, TableWriter
from shoplens.models.blend import Blend
from shoplens.models.cart import CartModel
from shoplens.models.linear import Linear
from shoplens.models.popularity import Popularity
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import promote
from shoplens.service.dataset import read_interactions
from shoplens.service.encoders import configured, encoder_of
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.large_shop import BRANDS, COLOURS, DEPARTMENTS, SHELVES, LargeShop
from shoplens.testing.load import Connection, request_of

SEED = 0
DIFFERENT = 5_000  # requests of each kind, before the first comes again

SUGGEST = b"GET /v1/suggest?q=department HTTP/1.1\r\nhost: localhost\r\n\r\n"

Say = Callable[[str], None]


def make_served(shop: LargeShop, folder: Path, say: Say) -> None:
    """Make in `folder` what is not there yet. `say` hears how long each part took."""
    if not (folder / "bundles" / "current").exists():
        _build(shop, folder, say)
    if not (folder / "features" / "current.json").exists():  # nor in a shop that was kept from before search
        _index(shop, folder, say)


def _build(shop: LargeShop, folder: Path, say: Say) -> None:
    """Workspace, store, models, bundle."""

    started = time.perf_counter()
    workspace = Workspace.create(folder)
    store = open_store(workspace.database_url)
    events = shop.fill(store)
    interactions, profiles = read_interactions(store)
    store.close()
    say(f"{shop.products:,} products, {events:,} events stored: {time.perf_counter() - started:.0f} s")
    data = TrainingData(interactions, (shop.content(),), profiles)
    # How many products are treated exactly changes what is recommended, not how fast: keep the building short.
    popularity, linear = Popularity().fit(data), Linear(select=False, exact_items=4_000, seed=SEED).fit(data)
    blend = Blend({"popularity": popularity, "linear": linear}, {"popularity": 0.1, "linear": 0.9})
    written = write_bundle(
        workspace.bundles,
        items=interactions.items,
        models={"popularity": popularity, "linear": linear, "blend": blend},
        shipped="blend",
        modalities=data.modalities,
        seed=SEED,
        people=interactions.users,
        cart=CartModel.fit(shop.baskets(), shop.shelf.astype(np.int32) + 1),
    )
    promote(workspace.bundles, written.name)
    say(f"trained and written: {time.perf_counter() - started:.0f} s")


def _index(shop: LargeShop, folder: Path, say: Say) -> None:
    """What search reads. Vectors of texts are made up and put where `embed` would leave them: encoding the titles would
    take minutes, for the same figures."""

    started, workspace = time.perf_counter(), Workspace.open(folder)
    encoder = encoder_of(workspace, "text")
    vectors = shop.content(encoder.size).values
    vectors /= (vectors * vectors).sum(axis=1, keepdims=True) ** 0.5
    chosen = configured(workspace, "text", encoder)
    digests = [number.to_bytes(DIGEST_BYTES, "little") for number in range(shop.products)]
    with TableWriter(chosen.folder(workspace.features, "text"), encoder.size) as table:
        table.append(digests, vectors)
        for number, digest in enumerate(digests):
            table.link(shop.item_id(number), digest)
    switch(workspace.features, "text", chosen)
    with Runtime.open(folder) as running:
        running.search.sync()
    say(f"indexed: {time.perf_counter() - started:.0f} s")


class Asked:
    """What a shop is asked over HTTP, the same each time; each list goes round."""

    def __init__(self, shop: LargeShop, *, filtered: bool = True) -> None:
        random = np.random.default_rng(SEED)
        self.shop = shop
        self.users = [shop.user_id(int(k)) for k in random.integers(0, shop.people, DIFFERENT)]
        self.items = [shop.item_id(int(k)) for k in random.integers(0, shop.products, DIFFERENT)]
        self.filters = [_filter(int(k)) for k in random.integers(0, 200, DIFFERENT)]
        self._filtered = filtered

    def recommend(self) -> list[bytes]:
        """For known people, all with a filter."""
        return [
            request_of("/v1/recommend", {"user_id": user, "n": 20, **self._filter(wanted)})
            for user, wanted in zip(self.users, self.filters, strict=True)
        ]

    def similar(self) -> list[bytes]:
        """To products from anywhere in the catalogue, all with a filter."""
        return [
            request_of("/v1/similar", {"item_id": item, "n": 20, **self._filter(wanted)})
            for item, wanted in zip(self.items, self.filters, strict=True)
        ]

    def carts(self) -> list[bytes]:
        """See `_carts`."""
        return _carts(self.shop, self.filters if self._filtered else [{}] * DIFFERENT)

    def searches(self) -> list[bytes]:
        """See `_searches`."""
        return _searches(self.shop, self.filters)

    def events(self) -> list[bytes]:
        """Views, carts and purchases of known people, one a request."""
        kinds = ("view", "view", "view", "cart", "purchase")
        return [
            request_of("/v1/events", {"user_id": user, "item_id": item, "event_type": kinds[k % len(kinds)]})
            for k, (user, item) in enumerate(zip(reversed(self.users), self.items, strict=True))
        ]

    def _filter(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {"filter": wanted} if self._filtered else {}


async def until_found(host: str, port: int, *, patience: float = 120.0) -> None:
    """Wait until the server has everything in memory that search reads and suggests; RuntimeError when it never has."""

    connection = await Connection(host, port).open()
    began = time.perf_counter()
    while time.perf_counter() - began < patience:
        _, body = await connection.post(request_of("/v1/search", {"text": "shelf", "explain": True}))
        if any("meaning" in one["modalities"] for one in orjson.loads(body).get("items", ())):
            _, body = await connection.post(SUGGEST)  # read last of all
            if orjson.loads(body).get("suggestions"):
                connection.close()
                return
        await asyncio.sleep(0.5)
    raise RuntimeError("the server's search has not read the vectors")


def _carts(shop: LargeShop, filters: list[dict[str, Any]]) -> list[bytes]:
    """Carts of one to twenty products that were bought together, half of somebody known, one in three with a filter."""

    random = np.random.default_rng(SEED + 2)
    baskets = shop.baskets(20)
    requests = []
    for number, wanted in enumerate(filters):
        basket = int(random.integers(len(baskets)))
        held = baskets.item[baskets.indptr[basket] : baskets.indptr[basket + 1]]
        some = random.choice(held, int(random.integers(1, len(held) + 1)), replace=False)
        body: dict[str, Any] = {"items": [shop.item_id(int(k)) for k in some], "n": 20}
        if number % 2:
            body["user_id"] = shop.user_id(int(random.integers(shop.people)))
        if number % 3 == 1 and wanted:
            body["filter"] = wanted
        requests.append(request_of("/v1/cart", body))
    return requests


def _searches(shop: LargeShop, filters: list[dict[str, Any]]) -> list[bytes]:
    """What shoppers type, one in four misspelt, one in three with a filter, one in three with facets; all different."""

    random = np.random.default_rng(SEED + 1)
    requests = []
    for number, wanted in enumerate(filters):
        colour, shelf = COLOURS[int(random.integers(len(COLOURS)))], int(random.integers(DEPARTMENTS * SHELVES))
        text = (
            f"{colour} shelf {shelf}",
            f"brand {int(random.integers(BRANDS))} under {int(random.integers(10, 90))}",
            f"department {shelf // SHELVES} {colour} brnad {int(random.integers(40))}",
            f"product {int(random.integers(shop.products))}",
        )[number % 4]
        body: dict[str, Any] = {"text": text, "n": 20, "user_id": shop.user_id(int(random.integers(shop.people)))}
        if number % 3 == 1:
            body["filter"] = wanted
        if number % 3 == 2:
            body["facets"] = ["brand", "price", "attributes.colour"]
        requests.append(request_of("/v1/search", body))
    return requests


def _filter(number: int) -> dict[str, Any]:
    """What shoppers filter by: a department, a price range, a colour, a few brands, in turn."""
    low = float(5 * (number % 10))
    choices: tuple[dict[str, Any], ...] = (
        {"field": "category", "eq": f"department {number % 20}"},
        {"field": "price", "range": {"gte": low, "lt": low + 30}},
        {"and": [{"field": "attributes.colour", "eq": "red"}, {"field": "price", "range": {"lt": low + 40}}]},
        {"field": "brand", "in": [f"Brand {k}" for k in range(number % 7, 40, 3)]},
    )
    return choices[number % len(choices)]
