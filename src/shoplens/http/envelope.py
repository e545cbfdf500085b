"""Around every request: an id, limits, security headers, a measurement. Plain ASGI, so it costs little."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shoplens.http.errors import problem, route_of
from shoplens.http.listeners import Listeners
from shoplens.service.logs import REQUEST

log = logging.getLogger("shoplens.access")
REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
#: Asked by whoever watches the process, above all when it is busy.
WATCHED = ("/health/live", "/health/ready", "/metrics")
BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds


class Meters:
    """Prometheus metrics of this process, in a registry of their own. How workers' add up: `server_metrics`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "shoplens_requests_total", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "shoplens_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=self.registry
        )
        self.in_flight = Gauge("shoplens_requests_in_flight", "Requests being answered.", registry=self.registry)
        self.listeners = Gauge("shoplens_message_streams", "Streams that wait for messages.", registry=self.registry)
        self.streams = Gauge("shoplens_audio_streams", "Sound that is being listened to.", registry=self.registry)
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
        self.candidates = Gauge(
            "shoplens_candidates",
            "Products proposed so far, by who proposed them.",
            ("scenario", "source"),
            registry=self.registry,
        )
        self.products = Gauge("shoplens_products", "Products in the catalogue.", registry=self.registry)
        self.encoding = Gauge(
            "shoplens_embedding_waiting", "Changed products that wait to be encoded.", registry=self.registry
        )
        self.age = Gauge(
            "shoplens_model_age_seconds", "Since the bundle that answers was trained.", registry=self.registry
        )
        self.looked = Gauge(
            "shoplens_schedule_age_seconds", "Since shoplens schedule looked; NaN: never.", registry=self.registry
        )
        self.clicked = Gauge(
            "shoplens_click_through", "Share of the newest answers that were clicked.", registry=self.registry
        )
        self.drift = Gauge(
            "shoplens_drift", "1 when clicks or scores changed and nothing was trained since.", registry=self.registry
        )
        self.bundle = Gauge("shoplens_bundle_info", "The bundle that answers.", ("version",), registry=self.registry)
        self.workers = Gauge("shoplens_workers", "Processes that serve.", registry=self.registry)
        self.workers.set(1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take, and how many at once."""

    body: int  # bytes
    media_body: int  # bytes, of forms that bring files; those are kept on disk
    in_flight: int  # requests; one more is told to come again
    listeners: int  # streams that wait for messages, which are not among those
    listener_share: float  # of these that one client may hold
    seconds: float  # until an answer begins


class Envelope:
    """The outermost layer of the application.

    A route whose answer mostly waits calls `scope["listen"](client, conversation)` before it begins: from then on it
    counts among the listeners and takes no place from those who want an answer. It raises as `Listeners.take` does.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits, meters: Meters, access_log: bool = False) -> None:
        self.app = app
        self.limits = limits
        self.meters = meters
        self.access_log = access_log
        self._in_flight = 0
        self._listeners = Listeners(limits.listeners, limits.listener_share)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given = _header(scope["headers"], b"x-request-id")
        request_id = given if given is not None and REQUEST_ID.match(given) else secrets.token_hex(8).encode()
        scope["request_id"] = request_id.decode()
        REQUEST.set(scope["request_id"])
        extra = [(b"x-request-id", request_id), *HEADERS]
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        leave: Callable[[], None] | None = None

        def listen(client: str, conversation: str) -> None:
            nonlocal leave
            leave = self._listeners.take(client, conversation)
            self._count(requests=-1)

        scope["listen"] = listen
        self._count(requests=1)
        try:
            if self._in_flight > self.limits.in_flight and scope["path"] not in WATCHED:
                busy = f"{self.limits.in_flight} requests are being answered already; send this one again"
                await problem(Request(scope), 503, busy, headers={"retry-after": "1"})(scope, receive, answer)
            else:
                await self._in_time(scope, receive, answer)
        finally:
            if leave is not None:
                leave()
            self._count(requests=-1 if leave is None else 0)
            route, took = route_of(scope), time.perf_counter() - started
            self.meters.requests.labels(scope["method"], route, status).inc()
            self.meters.seconds.labels(route).observe(took)
            if self.access_log:
                self._note(scope["method"], route, status, took)

    def _count(self, *, requests: int) -> None:
        self._in_flight += requests
        self.meters.in_flight.set(self._in_flight)
        self.meters.listeners.set(len(self._listeners))

    def _note(self, method: str, route: str, status: int, took: float) -> None:
        """A line of the log: the route's pattern, never the path, which names people."""
        fields = {"method": method, "route": route, "status": status, "ms": round(took * 1_000, 2)}
        log.info("%s %s %d %.2f ms", method, route, status, took * 1_000, extra={"fields": fields})

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application's answer, which must begin in time; how long it then takes to send is the reader's matter."""
        body = _Body(scope, receive, self.limits)
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                limit.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self.limits.seconds) as limit:
                await self.app(scope, body.receive, answer)
        except TimeoutError:
            if begun or not limit.expired():
                raise
            seconds = f"{self.limits.seconds:g} seconds"
            if body.complete:
                late = problem(
                    Request(scope), 503, f"no answer within {seconds}; try again later", headers={"retry-after": "5"}
                )
            else:
                late = problem(Request(scope), 408, f"the body did not arrive within {seconds}")
            await late(scope, receive, send)


class _Body:
    """Hands a request's body on, and refuses one above the limit, also when its length was not announced."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        form = (_header(scope["headers"], b"content-type") or b"").lower().startswith(b"multipart/form-data")
        length = _header(scope["headers"], b"content-length")
        announced = int(length) if length is not None and length.isdigit() else 0
        self._most = limits.media_body if form else limits.body
        self._refused = announced > self._most  # the server reads no more than was announced
        self._total = 0
        self._receive = receive
        self.complete = False

    async def receive(self) -> Message:
        """The next piece; HTTP 413 when it is one too many."""
        if not self._refused:
            message = await self._receive()
            self._total += len(message.get("body", b""))
            self._refused = self._total > self._most
            self.complete = not message.get("more_body", False)
        if self._refused:
            raise HTTPException(413, f"the body is larger than {self._most:,} bytes; send it in parts")
        return message


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None
