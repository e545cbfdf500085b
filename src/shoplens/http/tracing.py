"""Traces in OpenTelemetry's terms: one span a request, which follows the caller's `traceparent` (W3C).

Spans tell method, route, status and request id; nothing of who asked, or for what.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shoplens import __version__
from shoplens.errors import MissingExtraError
from shoplens.service.server_settings import TelemetrySettings


class Tracing:
    """Sends spans in the background to a collector that speaks OTLP over HTTP. What it cannot send is lost, nothing
    waits for it."""

    def __init__(self, app: ASGIApp, settings: TelemetrySettings) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ModuleNotFoundError as error:
            raise MissingExtraError("telemetry.otlp_url", "otlp") from error
        self.app = app
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": settings.service_name, "service.version": __version__}),
            sampler=ParentBased(TraceIdRatioBased(settings.sample)),
        )
        url = str(settings.otlp_url).rstrip("/") + "/v1/traces"
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer("shoplens", __version__)
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._until_the_end(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, StatusCode

        carried = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        parent = self._propagator.extract(carried) if carried else None
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method, parent, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            status = 500

            async def answer(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self.app(scope, receive, answer)
            finally:
                route = getattr(scope.get("route"), "path", None)
                span.update_name(f"{method} {route}" if route else method)
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.route", route or "")
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("shoplens.request_id", scope.get("request_id", ""))
                if status >= 500:
                    span.set_status(StatusCode.ERROR)

    async def _until_the_end(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The server's start and end; at the end, what waits is sent."""
        try:
            await self.app(scope, receive, send)
        finally:
            self._provider.shutdown()
