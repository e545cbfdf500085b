"""Around every request: an id, a limit on the body, security headers, a measurement. Plain ASGI, so it costs little."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds


class Meters:
    """Prometheus metrics of this process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "shoplens_requests_total", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "shoplens_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=self.registry
        )
        self.events = Counter("shoplens_events_stored_total", "Events stored.", registry=self.registry)
        self.fallbacks = Counter(
            "shoplens_fallbacks_total", "Answers without the trained model.", ("reason",), registry=self.registry
        )
        self.waiting = Gauge(
            "shoplens_log_waiting", "Records that are not stored yet.", ("log",), registry=self.registry
        )
        self.dropped = Gauge(
            "shoplens_log_dropped", "Records that were never stored.", ("log",), registry=self.registry
        )
        self.products = Gauge("shoplens_products", "Products in the catalogue.", registry=self.registry)
        self.bundle = Gauge("shoplens_bundle_info", "The bundle that answers.", ("version",), registry=self.registry)


class Envelope:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, max_body: int, max_media_body: int, meters: Meters) -> None:
        self.app = app
        self.max_body = max_body  # bytes
        self.max_media_body = max_media_body  # bytes, of forms that bring files; those are kept on disk
        self.meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given = _header(scope["headers"], b"x-request-id")
        request_id = given if given is not None and REQUEST_ID.match(given) else secrets.token_hex(8).encode()
        scope["request_id"] = request_id.decode()
        extra = [(b"x-request-id", request_id), *HEADERS]
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        try:
            await self.app(scope, self._limited(scope, receive), answer)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self.meters.requests.labels(scope["method"], route, status).inc()
            self.meters.seconds.labels(route).observe(time.perf_counter() - started)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` that refuses a body above the limit, also when its length was not announced."""
        length = _header(scope["headers"], b"content-length")
        announced = int(length) if length is not None and length.isdigit() else None
        form = (_header(scope["headers"], b"content-type") or b"").lower().startswith(b"multipart/form-data")
        most = self.max_media_body if form else self.max_body
        if announced is not None and announced <= most:
            return receive  # the server reads no more than was announced
        total = announced or 0

        async def limited() -> Message:
            nonlocal total
            if total > most:
                raise _too_large(most)
            message = await receive()
            total += len(message.get("body", b""))
            if total > most:
                raise _too_large(most)
            return message

        return limited


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {most:,} bytes; send it in parts")


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None
