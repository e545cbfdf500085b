"""GET /metrics in Prometheus' text format, of the worker process that answers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shoplens.http.envelope import Meters
from shoplens.http.routes.shop import Shop

router = APIRouter(tags=["health"])


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def get_metrics(request: Request, shop: Shop) -> Response:
    """Counters and latencies."""
    meters: Meters = request.app.state.meters
    meters.products.set(len(shop.facts) - 1)
    for name, log in shop.logs.items():
        meters.waiting.labels(name).set(log.waiting)
        meters.dropped.labels(name).set(log.dropped)
    meters.bundle.clear()
    meters.bundle.labels(shop.shelf.version or "none").set(1)
    return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)
