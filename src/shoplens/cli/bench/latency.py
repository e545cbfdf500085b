"""`shoplens bench latency`: how fast the real server answers, in a shop of any size."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from shoplens.cli.app import JsonFlag, console, emit
from shoplens.cli.bench import bench

if TYPE_CHECKING:
    from shoplens.testing.large_shop import LargeShop

SEED = 0
WARM_UP_SECONDS = 2.0


@bench.command()
def latency(
    products: Annotated[int, typer.Option(min=100, help="Products in the synthetic shop.")] = 100_000,
    people: Annotated[int, typer.Option(min=10, help="People, with 20 events each.")] = 20_000,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each measurement runs.")] = 10.0,
    workers: Annotated[int, typer.Option(min=1, help="Server processes.")] = 1,
    connections: Annotated[int, typer.Option(min=1, help="Connections while latency is measured.")] = 4,
    keep: Annotated[Path | None, typer.Option(help="Build the shop here and use it again next time.")] = None,
    json: JsonFlag = False,
) -> None:
    """Measure latency and throughput of recommend, similar, cart and search over HTTP, and how soon an event is felt.

    The shop is synthetic (power-law popularity); model, store and server are the real ones, each in its own process.
    Searches are encoded and compared with vectors too; those of the products are made up.
    """
    from shoplens.testing.large_shop import LargeShop

    shop = LargeShop(products, people, seed=SEED)
    with tempfile.TemporaryDirectory(prefix="shoplens-bench-") as temporary:
        folder = keep if keep is not None else Path(temporary)
        if not (folder / "bundles" / "current").exists():
            _build(shop, folder)
        if not (folder / "features" / "current.json").exists():  # nor in a shop that was kept from before search
            _index(shop, folder)
        with subprocess.Popen(  # noqa: S603 - ourselves
            [
                sys.executable,
                "-c",
                "from shoplens.cli import main; main()",
                "serve",
                "-w",
                str(folder),
                "--port",
                "0",
                "--workers",
                str(workers),
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as server:
            try:
                host, port = _address(server)
                result = asyncio.run(_measure(shop, host, port, seconds=seconds, connections=connections))
                result["peak_rss_mb"] = round(_peak_rss_mb(server.pid), 1)
            finally:
                server.terminate()
    emit({**result, "products": products, "people": people, "workers": workers}, json=json)


def _build(shop: LargeShop, folder: Path) -> None:
    """Workspace, store, models, bundle."""
    import numpy as np

    from shoplens.domain.dataset import TrainingData
    from shoplens.models.blend import Blend
    from shoplens.models.cart import CartModel
    from shoplens.models.linear import Linear
    from shoplens.models.popularity import Popularity
    from shoplens.service.bundle import write_bundle
    from shoplens.service.bundle_pointer import promote
    from shoplens.service.dataset import read_interactions
    from shoplens.service.settings import Workspace
    from shoplens.store.sql import open_store

    started = time.perf_counter()
    workspace = Workspace.create(folder)
    store = open_store(workspace.database_url)
    events = shop.fill(store)
    interactions, profiles = read_interactions(store)
    store.close()
    console.print(f"{shop.products:,} products, {events:,} events stored: {time.perf_counter() - started:.0f} s")
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
    console.print(f"trained and written: {time.perf_counter() - started:.0f} s")


def _index(shop: LargeShop, folder: Path) -> None:
    """What search reads. Vectors of texts are made up and put where `embed` would leave them: encoding the titles would
    take minutes, for the same figures."""
    from shoplens.features.current import switch
    from shoplens.features.table import DIGEST_BYTES, TableWriter
    from shoplens.service.encoders import configured, encoder_of
    from shoplens.service.runtime import Runtime
    from shoplens.service.settings import Workspace

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
    console.print(f"indexed: {time.perf_counter() - started:.0f} s")


def _address(server: subprocess.Popen[str]) -> tuple[str, int]:
    """Wait for the server's ready line."""
    assert server.stderr is not None
    seen = []
    for line in server.stderr:
        seen.append(line)
        if found := re.search(r"on http://([\w.]+):(\d+)", " ".join(seen[-2:]).replace("\n", " ")):
            _drain(server)
            return found[1], int(found[2])
    raise RuntimeError("the server did not start:\n" + "".join(seen[-20:]))


def _drain(server: subprocess.Popen[str]) -> None:
    """Keep reading, so that the server never waits for a full pipe."""
    from threading import Thread

    Thread(target=lambda: server.stderr and server.stderr.read(), daemon=True).start()


async def _measure(shop: LargeShop, host: str, port: int, *, seconds: float, connections: int) -> dict[str, Any]:
    import numpy as np

    from shoplens.testing.load import event_to_effect, press, request_of, top_of

    random = np.random.default_rng(SEED)
    users = [shop.user_id(int(k)) for k in random.integers(0, shop.people, 5_000)]
    items = [shop.item_id(int(k)) for k in random.integers(0, shop.products, 5_000)]
    filters = [_filter(int(k)) for k in random.integers(0, 200, 5_000)]
    recommend = [
        request_of("/v1/recommend", {"user_id": u, "n": 20, "filter": f}) for u, f in zip(users, filters, strict=True)
    ]
    similar = [
        request_of("/v1/similar", {"item_id": i, "n": 20, "filter": f}) for i, f in zip(items, filters, strict=True)
    ]
    result: dict[str, Any] = {}
    failed = 0
    await _until_found(host, port)
    asked = {
        "recommend": recommend,
        "similar": similar,
        "cart": _carts(shop, filters),
        "search": _searches(shop, filters),
    }
    for name, requests in asked.items():
        await press(host, port, requests, connections=connections, seconds=WARM_UP_SECONDS)
        measured = await press(host, port, requests, connections=connections, seconds=seconds)
        result[name] = {"p50_ms": round(measured.percentile(50), 3), "p99_ms": round(measured.percentile(99), 3)}
        failed += measured.failed
    full = await press(host, port, recommend, connections=4 * connections, seconds=seconds)
    pairs = [(user, top) for user in dict.fromkeys(users[:60]) if (top := await top_of(host, port, user)) is not None]
    effects = await event_to_effect(host, port, pairs)
    return {
        "recommend": result["recommend"],
        "similar": result["similar"],
        "search": result["search"],
        "cart": result["cart"],
        "event_to_effect_ms": round(float(np.median(effects)) * 1_000, 3),
        "requests_per_second": round(full.requests_per_second, 1),
        "failed": failed + full.failed,
    }


async def _until_found(host: str, port: int, *, patience: float = 120.0) -> None:
    """Wait until the server has everything in memory that search reads; RuntimeError when it never has."""
    from shoplens.testing.load import Connection, request_of

    connection = await Connection(host, port).open()
    began = time.perf_counter()
    while time.perf_counter() - began < patience:
        _, body = await connection.post(request_of("/v1/search", {"text": "shelf", "explain": True}))
        if any("meaning" in one["modalities"] for one in orjson.loads(body).get("items", ())):
            connection.close()
            return
        await asyncio.sleep(0.5)
    raise RuntimeError("the server's search has not read the vectors")


def _carts(shop: LargeShop, filters: list[dict[str, Any]]) -> list[bytes]:
    """Carts of one to twenty products that were bought together, half of somebody known, one in three with a filter."""
    import numpy as np

    from shoplens.testing.load import request_of

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
        if number % 3 == 1:
            body["filter"] = wanted
        requests.append(request_of("/v1/cart", body))
    return requests


def _searches(shop: LargeShop, filters: list[dict[str, Any]]) -> list[bytes]:
    """What shoppers type, one in four misspelt, one in three with a filter, one in three with facets; all different."""
    import numpy as np

    from shoplens.testing.large_shop import BRANDS, COLOURS, DEPARTMENTS, SHELVES
    from shoplens.testing.load import request_of

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


def _peak_rss_mb(pid: int) -> float:
    """Largest resident memory that the server process and its children had, summed, in MB; 0 where /proc is missing."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:  # the process ended while we looked
            continue
        if pid in (int(fields["Pid"]), int(fields["PPid"])) and "VmHWM" in fields:
            total += float(fields["VmHWM"].split()[0]) / 1_000
    return total
