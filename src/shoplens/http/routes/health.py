"""Liveness and readiness, for whoever starts and watches the process."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from shoplens.http.routes.shop import Shop
from shoplens.http.wire.bundles import Health

router = APIRouter(tags=["health"])


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", responses={503: {"model": Health, "description": "Not ready; `reasons` says why."}})
async def ready(shop: Shop, response: Response) -> Health:
    """Store and bundle answer. A shop without a bundle is ready: it answers with what is popular and new. `reasons`
    says what should be looked at, also of a shop that is ready."""
    problems = await run_in_threadpool(shop.problems)
    response.status_code = 503 if problems else 200
    status = "not ready" if problems else "ready"
    return Health(
        status=status, reasons=[*problems, *shop.notes()], bundle=shop.shelf.version, products=len(shop.facts) - 1
    )
