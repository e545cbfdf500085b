"""Processor time of one request to each hot route, without a network: the whole application inside this process.

    python -m benchmarks.speed.routes [--products 100000] [--people 20000] [--requests 500] [--keep FOLDER]

The shop and the requests are those of `benchmarks.speed.live`; `--keep` may name its folder. Routes take turns, and the
median of the turns is given: on a machine that others use, processor time says more than the clock. Threads that write
beside the answers count, too. One JSON object: route → milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.speed.served_shop import add_arguments, served
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.large_shop_served import Asked

TURNS = 5


class Inside:
    """The application of a running shop, asked by ASGI alone."""

    def __init__(self, shop: Runtime) -> None:
        self._app = create_app(shop)

    async def post(self, request: bytes) -> bytes:
        """Body of the answer to a ready-made request; RuntimeError when it is not 200."""
        head, body = request.split(b"\r\n\r\n", 1)
        first, *lines = head.split(b"\r\n")
        path = first.split(b" ")[1]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": path.decode(), "raw_path": path, "root_path": "", "query_string": b"", "state": {},
            "headers": [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await self._app(scope, receive, send)
        if sent[0]["status"] != 200:
            raise RuntimeError(f"{path.decode()} answered {sent[0]['status']}: {sent[1]['body']!r}")
        found: bytes = sent[1]["body"]
        return found


async def measured(inside: Inside, requests: Mapping[str, Sequence[bytes]]) -> dict[str, float]:
    """Route → milliseconds of processor time a request, median of the turns after the first."""
    turns: dict[str, list[float]] = {kind: [] for kind in requests}
    for _ in range(TURNS + 1):
        for kind, some in requests.items():
            began = time.process_time()
            for request in some:
                await inside.post(request)
            turns[kind].append((time.process_time() - began) / len(some) * 1e3)
    return {kind: round(float(np.median(times[1:])), 3) for kind, times in turns.items()}


def main() -> None:
    """Build or open the shop, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--requests", type=int, default=500, help="different ones of each kind, at most 5000")
    wanted = parser.parse_args()
    with served(wanted) as (shop, folder):
        asked, n = Asked(shop), wanted.requests
        requests = {
            "recommend": asked.recommend()[:n],
            "similar": asked.similar()[:n],
            "cart": asked.carts()[:n],
            "events": asked.events()[:n],
        }
        with threadpool_limits(1), Runtime.open(folder) as running:  # as in a server: one thread a request
            print(json.dumps(asyncio.run(measured(Inside(running), requests))))


if __name__ == "__main__":
    main()
