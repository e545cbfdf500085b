"""Bundles: which there are, and which answers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.bundles import (
    BundleOut,
    BundlesAnswer,
    HistoryAnswer,
    HistoryEntry,
    ReplayIn,
    ReplayOut,
    Switched,
    VerdictOut,
)
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.service import bundle_pointer, journal

router = APIRouter(tags=["bundles"], responses=PROBLEMS)


@router.get("/v1/bundles", dependencies=[needs("read", "operation")])
async def get_bundles(shop: Shop) -> BundlesAnswer:
    """All bundles, newest first."""
    entries = await run_in_threadpool(bundle_pointer.list_bundles, shop.workspace.bundles)
    return BundlesAnswer(bundles=[BundleOut(**asdict(one)) for one in entries])


@router.get("/v1/bundles/history", dependencies=[needs("read", "operation")])
async def get_history(shop: Shop) -> HistoryAnswer:
    """What the schedule, failing answers and somebody's own hand made of bundles, and why; newest first."""
    entries = await run_in_threadpool(journal.read, shop.workspace.bundles)
    return HistoryAnswer(history=[HistoryEntry(**journal.entry_json(one)) for one in reversed(entries)])


@router.post("/v1/bundles/{version}/judge", dependencies=[needs("admin", "operation")])
async def judge(version: Id, shop: Shop) -> VerdictOut:
    """Let what people did since judge a bundle beside the one that answers, through the code that serves; takes up to
    some minutes, and promotes nothing."""
    return VerdictOut(**(await run_in_threadpool(shop.bundles.judge, version)).as_dict())


@router.post("/v1/bundles/{version}/replay", dependencies=[needs("admin", "operation")])
async def replay(version: Id, shop: Shop, body: ReplayIn | None = None) -> ReplayOut:
    """What a bundle would have earned where others answered, from the places that were left to chance after it was
    trained; takes up to some minutes."""
    told = body or ReplayIn()
    asked = partial(shop.bundles.replay, version, days=told.days, places=told.places, reward=told.reward)
    return ReplayOut(**(await run_in_threadpool(asked)).as_dict())


@router.post("/v1/bundles/{version}/promote", dependencies=[needs("admin", "operation")])
async def promote(version: Id, shop: Shop) -> Switched:
    """Verify this bundle and let it answer; the one before stays for rolling back."""
    before = await run_in_threadpool(shop.bundles.promote, version)
    return Switched(current=version, before=before)


@router.post("/v1/bundles/{version}/rollback", dependencies=[needs("admin", "operation")])
async def rollback(version: Id, shop: Shop) -> Switched:
    """Leave this bundle, which must be the current one, and return to the one before."""
    now = await run_in_threadpool(shop.bundles.rollback, version)
    return Switched(current=now, before=version)
