"""`shoplens bench latency`: how fast the real server answers, in a shop of any size."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from shoplens.testing.large_shop_served import make_served
    from shoplens.testing.server_process import ServerProcess

    shop = LargeShop(products, people, seed=SEED)
    with tempfile.TemporaryDirectory(prefix="shoplens-bench-") as temporary:
        folder = keep if keep is not None else Path(temporary)
        make_served(shop, folder, console.print)
        with ServerProcess(folder, workers=workers) as server:
            result = asyncio.run(_measure(shop, server.host, server.port, seconds=seconds, connections=connections))
            result["peak_rss_mb"] = round(server.peak_rss_mb(), 1)
    emit({**result, "products": products, "people": people, "workers": workers}, json=json)


async def _measure(shop: LargeShop, host: str, port: int, *, seconds: float, connections: int) -> dict[str, Any]:
    import numpy as np

    from shoplens.testing.large_shop_served import Asked, until_found
    from shoplens.testing.load import event_to_effect, press, top_of

    asked = Asked(shop)
    recommend = asked.recommend()
    result: dict[str, Any] = {}
    failed = 0
    await until_found(host, port)
    kinds = {
        "recommend": recommend,
        "similar": asked.similar(),
        "cart": asked.carts(),
        "search": asked.searches(),
    }
    for name, requests in kinds.items():
        await press(host, port, requests, connections=connections, seconds=WARM_UP_SECONDS)
        measured = await press(host, port, requests, connections=connections, seconds=seconds)
        result[name] = {"p50_ms": round(measured.percentile(50), 3), "p99_ms": round(measured.percentile(99), 3)}
        failed += measured.failed
    full = await press(host, port, recommend, connections=4 * connections, seconds=seconds)
    pairs = [
        (user, top) for user in dict.fromkeys(asked.users[:60]) if (top := await top_of(host, port, user)) is not None
    ]
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
