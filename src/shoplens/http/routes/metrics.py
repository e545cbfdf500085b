"""GET /metrics in Prometheus' text format, of the worker process that answers."""

from __future__ import annotations

import math
import time

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shoplens.http.envelope import Meters
from shoplens.http.routes.shop import Shop
from shoplens.service import schedule_look
from shoplens.service.bundle import trained_at

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
    meters.encoding.set(shop.live.waiting)
    version = shop.shelf.version
    trained = trained_at(version) if version is not None else None
    meters.age.set(time.time() - trained if trained is not None else math.nan)
    for (scenario, source), proposed in list(shop.answers.candidates.items()):
        meters.candidates.labels(scenario, source).set(proposed)
    look = schedule_look.read(shop.workspace.bundles)
    meters.looked.set(time.time() - look.at if look is not None else math.nan)
    meters.clicked.set(look.click_through if look is not None and look.click_through is not None else math.nan)
    meters.drift.set(float(look is not None and look.drifted is not None))
    meters.bundle.clear()
    meters.bundle.labels(version or "none").set(1)
    return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)
