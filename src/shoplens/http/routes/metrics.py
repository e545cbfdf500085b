"""GET /metrics in Prometheus' text format, of all workers of the server."""

from __future__ import annotations

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shoplens.http.measuring import Measuring
from shoplens.http.server_metrics import ServerMetrics

router = APIRouter(tags=["health"])


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def get_metrics(request: Request) -> Response:
    """Counters and latencies, of all workers."""
    measuring: Measuring = request.app.state.measuring
    together: ServerMetrics | None = request.app.state.server_metrics
    text = together.text if together is not None else lambda: generate_latest(measuring)
    aside = anyio.CapacityLimiter(1)  # not a thread of those that requests may have taken all
    return Response(await anyio.to_thread.run_sync(text, limiter=aside), media_type=CONTENT_TYPE_LATEST)
