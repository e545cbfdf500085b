"""Liveness and readiness, for whoever starts and watches the process."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from shoplens.http.routes.shop import Shop
from shoplens.http.wire.bundles import Health
from shoplens.service.condition import condition_of

router = APIRouter(tags=["health"])


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", responses={503: {"model": Health, "description": "Not ready; `reasons` says why."}})
async def ready(shop: Shop, response: Response) -> Health:
    """Store and bundle answer. `degraded` (200): it answers, but changes are refused, logs are not written, or
    experiments cannot be read. `reasons` says what to look at, also of a shop that is ready."""
    found = await run_in_threadpool(condition_of, shop)
    response.status_code = 503 if found.status == "not ready" else 200
    return Health(
        status=found.status, reasons=list(found.reasons), bundle=shop.shelf.version, products=len(shop.facts) - 1
    )
