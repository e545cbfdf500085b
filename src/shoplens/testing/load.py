"""Load on a running service over keep-alive connections, from this process; and light."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run showed."""

    seconds: float
    latencies: list[float]  # seconds, one a request
    statuses: dict[int, int]
    numbers: list[int] = field(default_factory=list)  # which of the requests each latency is of

    @property
    def requests_per_second(self) -> float:
        """Throughput."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        """Answers other than 2xx."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)

    def percentile(self, percent: float) -> float:
        """Latency in milliseconds that this share of the requests stayed below."""
        return float(np.percentile(self.latencies, percent)) * 1_000 if self.latencies else float("nan")


class Connection:
    """One keep-alive connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def open(self) -> Connection:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Send a ready-made request; returns status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.find(b"content-length: ")
        length = int(head[at + 16 : head.index(b"\r", at)])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def request_of(path: str, body: Any) -> bytes:
    """A POST, ready to be written to a socket."""
    payload = orjson.dumps(body)
    head = ("host: shop", "content-type: application/json", f"content-length: {len(payload)}")
    return "\r\n".join((f"POST {path} HTTP/1.1", *head, "", "")).encode() + payload


async def press(
    host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float, rate: float | None = None
) -> Measured:
    """Send `requests` in turn. Without `rate` each connection sends the next as soon as it has an answer; with it (per
    second) requests are due at fixed times, and waiting for a free connection counts as latency."""
    latencies: list[float] = []
    numbers: list[int] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter()
    sent = 0

    async def work() -> None:
        nonlocal sent
        connection = await Connection(host, port).open()
        while (now := time.perf_counter()) - started < seconds:
            number, sent = sent, sent + 1
            due = now
            if rate is not None:
                due = started + number / rate
                if due > now:
                    await asyncio.sleep(due - now)
                    due = max(due, time.perf_counter() - 0.001)  # the timer's own lateness is not the server's
            status, _ = await connection.post(requests[number % len(requests)])
            latencies.append(time.perf_counter() - due)
            numbers.append(number % len(requests))
            statuses[status] = statuses.get(status, 0) + 1
        connection.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    return Measured(time.perf_counter() - started, latencies, statuses, numbers)


async def event_to_effect(host: str, port: int, events: Sequence[tuple[str, str]]) -> list[float]:
    """For each (user_id, item_id): seconds from sending a purchase until an answer has arrived that knows of it.

    AssertionError when an answer does not: the bought product is still in it.
    """
    connection = await Connection(host, port).open()
    times = []
    for user_id, item_id in events:
        event = request_of("/v1/events", {"user_id": user_id, "item_id": item_id, "event_type": "purchase"})
        ask = request_of("/v1/recommend", {"user_id": user_id, "n": 20})
        started = time.perf_counter()
        await connection.post(event)
        _, body = await connection.post(ask)
        times.append(time.perf_counter() - started)
        assert item_id not in {one["item_id"] for one in orjson.loads(body)["items"]}, "the event was not felt"
    connection.close()
    return times


async def top_of(host: str, port: int, user_id: str) -> str | None:
    """The product that stands first for a person."""
    connection = await Connection(host, port).open()
    _, body = await connection.post(request_of("/v1/recommend", {"user_id": user_id, "n": 1}))
    connection.close()
    items = orjson.loads(body)["items"]
    return str(items[0]["item_id"]) if items else None
