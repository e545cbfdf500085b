"""`create_app(runtime)`: the HTTP service over one running shop."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from shoplens import __version__
from shoplens.http import errors, openapi
from shoplens.http.envelope import Envelope, Limits, Meters
from shoplens.http.keys import Keys
from shoplens.http.measuring import Measuring
from shoplens.http.routes import (
    assistant,
    assistant_jobs,
    attributes,
    audio_stream,
    bundles,
    cart,
    classify,
    embeddings,
    entities,
    events,
    experiments,
    handovers,
    health,
    interact,
    media,
    operation,
    opinions,
    people,
    products,
    profiles,
    recommend,
    scenarios,
    search,
    search_rules,
    transcriptions,
)
from shoplens.http.routes import metrics as metrics_route
from shoplens.http.server_metrics import ServerMetrics
from shoplens.http.shortcut import Shortcut, shortcuts
from shoplens.http.tracing import Tracing
from shoplens.service.oidc import Issuer
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings

DESCRIPTION = (
    "Recommendations and search from a shop's products and event log. Errors are problem+json (RFC 9457). "
    "An event posted is felt in the very next answer for that person or session."
)


def create_app(runtime: Runtime, *, workers: int = 1, metrics: Path | None = None) -> FastAPI:
    """The application, in one of so many processes; it does not own the runtime: whoever opened it closes it. `metrics`
    is a folder that these processes share; whoever starts `app.state.server_metrics` closes it."""
    server = runtime.settings.server
    meters = Meters()
    app = FastAPI(
        title="Shoplens",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # the usual pages load scripts from elsewhere; /openapi.json has everything
        redoc_url=None,
        middleware=_middleware(runtime.settings, meters),
    )
    app.state.runtime = runtime
    issuer = Issuer(runtime.settings.oidc) if runtime.settings.oidc.issuer is not None else None
    app.state.keys = Keys(
        server.api_keys, runtime.keyring, issuer=issuer, per_minute=server.requests_per_minute, workers=workers
    )
    app.state.meters = meters
    app.state.open_streams = 0  # of sound, by routes.audio_stream
    app.state.unknown_streams = 0  # of them, those that have not shown a key yet
    app.state.measuring = Measuring(meters, runtime)
    app.state.server_metrics = None if metrics is None else ServerMetrics(metrics, app.state.measuring.collect)
    errors.install(app)
    shops = (
        handovers,  # before `assistant`: an id may have slashes, so the longer path is looked at first
        assistant,
        assistant_jobs,
        recommend,
        scenarios,
        cart,
        search,
        search_rules,
        interact,
        opinions,
        events,
        media,
        products,
        profiles,
        people,
        embeddings,
        classify,
        attributes,
        entities,
        transcriptions,
        audio_stream,
    )
    for module in (*shops, bundles, experiments, operation, health, metrics_route):
        app.include_router(module.router)
    openapi.install(app)
    return app


def _middleware(settings: Settings, meters: Meters) -> list[Middleware]:
    """Around the application, from the outside in."""
    server = settings.server
    limits = Limits(
        body=int(server.max_body_mb * 1_000_000),
        media_body=int(settings.media.max_upload_mb * 1_000_000),
        in_flight=server.max_in_flight,
        listeners=server.max_message_streams,
        listener_share=server.message_stream_share,
        seconds=server.request_seconds,
    )
    around = [Middleware(Envelope, limits=limits, meters=meters, access_log=server.access_log)]
    if settings.telemetry.otlp_url is not None:
        around.append(Middleware(Tracing, settings=settings.telemetry))
    if server.cors_origins:
        around.append(
            Middleware(
                CORSMiddleware,
                allow_origins=server.cors_origins,
                allow_methods=("GET", "POST", "PUT", "DELETE"),
                allow_headers=("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "X-Request-Id"),
                expose_headers=("X-Request-Id", "Retry-After"),
                max_age=600,  # seconds for which a browser need not ask again
            )
        )
    around.append(Middleware(Shortcut, answering=shortcuts((recommend, cart, events))))
    return around
