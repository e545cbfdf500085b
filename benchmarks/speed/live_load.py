"""Load on a service in another process: a mix of requests at a fixed rate, then as many as it answers, then how soon an
event is felt. Run by `live`, once a side; whatever answers /v1/recommend, /v1/cart, /v1/search and /v1/events will do.

At a fixed rate requests are due at fixed times, so that waiting for a free connection counts as latency. One JSON
object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shoplens.testing.large_shop import LargeShop
from shoplens.testing.large_shop_served import Asked
from shoplens.testing.load import Measured, event_to_effect, press, top_of

WARM_UP = 3.0  # seconds
DIFFERENT = 20_000  # requests of a mix, before the first comes again
EFFECTS = 60  # people whose event is followed


def mixed(asked: Asked, shares: Mapping[str, int], seed: int) -> tuple[list[bytes], list[str]]:
    """Requests in the order in which they are sent, and of which kind each is."""
    kinds = {"recommend": asked.recommend, "cart": asked.carts, "search": asked.searches, "events": asked.events}
    random = np.random.default_rng(seed)
    total = sum(shares.values())
    order = random.choice(list(shares), DIFFERENT, p=[share / total for share in shares.values()]).tolist()
    requests = {kind: kinds[kind]() for kind in shares}
    turn = dict.fromkeys(shares, 0)
    chosen = []
    for kind in order:
        chosen.append(requests[kind][turn[kind] % len(requests[kind])])
        turn[kind] += 1
    return chosen, order


def by_kind(measured: Measured, kinds: Sequence[str]) -> dict[str, Any]:
    """Median and 99th percentile of each kind of request, milliseconds."""
    found: dict[str, Any] = {}
    of = np.array([kinds[number] for number in measured.numbers])
    times = np.array(measured.latencies) * 1e3
    for kind in dict.fromkeys(kinds):
        own = times[of == kind]
        if len(own):
            p50, p99 = np.percentile(own, (50, 99))
            found[kind] = {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2), "requests": len(own)}
    return found


async def pressed(wanted: argparse.Namespace, shares: Mapping[str, int]) -> dict[str, Any]:
    """Everything that is measured of one service."""
    asked = Asked(LargeShop(wanted.products, wanted.people, seed=0))
    requests, kinds = mixed(asked, shares, wanted.seed)
    where = {"host": wanted.host, "port": wanted.port}
    await press(**where, requests=requests, connections=4, seconds=WARM_UP)
    steady = await press(
        **where, requests=requests, connections=wanted.connections, seconds=wanted.seconds, rate=wanted.rate
    )
    full = await press(**where, requests=requests, connections=wanted.connections, seconds=wanted.seconds)
    people = dict.fromkeys(asked.users[:EFFECTS])
    pairs = [(user, top) for user in people if (top := await top_of(**where, user_id=user)) is not None]
    effects = await event_to_effect(**where, events=pairs)
    return {
        "rate": wanted.rate,
        "steady": by_kind(steady, kinds),
        "requests_per_second": round(full.requests_per_second, 1),
        "full_p99_ms": round(full.percentile(99), 2),
        "event_to_effect_ms": round(float(np.median(effects)) * 1e3, 2),
        "failed": steady.failed + full.failed,
    }


def main() -> None:
    """Press, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--products", type=int, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--mix", nargs="+", required=True, help="KIND=SHARE")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    shares = {kind: int(share) for kind, _, share in (one.partition("=") for one in wanted.mix)}
    print(json.dumps(asyncio.run(pressed(wanted, shares))))


if __name__ == "__main__":
    main()
