"""What whoever runs the shop asks for: keys, work for `shoplens schedule`, what is wrong here.

Of keys: none is made or revoked that reaches further than the key that asks, and the first one is made at the machine,
so that nobody who merely reaches an open shop can shut its owner out.
"""

from __future__ import annotations

import threading

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from shoplens.errors import ConflictError
from shoplens.http.keys import Caller, needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.operation import (
    DoctorAnswer,
    JobAsked,
    JobIn,
    JobOut,
    JobsAnswer,
    KeyIn,
    KeyMade,
    KeyOut,
    KeysAnswer,
)
from shoplens.service.doctor import examine, findings_json
from shoplens.service.grants import Grant
from shoplens.service.jobs import UNATTENDED
from shoplens.service.keyring import Keyring

router = APIRouter(tags=["operation"], responses=PROBLEMS)
ADMIN = [needs("admin", "operation")]
_examining = threading.Lock()  # checksums of a bundle are read: one at a time is enough


@router.get("/v1/keys", dependencies=ADMIN)
async def get_keys(shop: Shop) -> KeysAnswer:
    """All keys, without their secrets."""

    def read() -> KeysAnswer:
        shop.keyring.follow()
        return KeysAnswer(keys=[KeyOut(**one.told()) for one in shop.keyring.listed()])

    return await run_in_threadpool(read)


@router.post("/v1/keys", status_code=201, dependencies=ADMIN)
async def post_key(request: Request, body: KeyIn, shop: Shop) -> KeyMade:
    """Make a key, and tell it this once. Workers know it within a second or so; this one at once."""
    wanted = Grant(body.role, None if body.scopes is None else frozenset(body.scopes))
    _within(request, wanted, body.per_minute)

    def make() -> KeyMade:
        ring: Keyring = shop.keyring
        key = ring.create(body.name, body.role, scopes=body.scopes, per_minute=body.per_minute)
        return KeyMade(**ring.get(body.name).told(), key=key)

    return await run_in_threadpool(make)


@router.delete("/v1/keys/{name}", dependencies=ADMIN)
async def delete_key(request: Request, name: Id, shop: Shop) -> KeyOut:
    """Let a key open nothing any more."""

    def revoke() -> KeyOut:
        shop.keyring.follow()
        _within(request, shop.keyring.get(name).grant)
        return KeyOut(**shop.keyring.revoke(name).told())

    return await run_in_threadpool(revoke)


@router.get("/v1/jobs", dependencies=ADMIN)
async def get_jobs(shop: Shop) -> JobsAnswer:
    """What was asked for lately, and what came of it."""

    def read() -> JobsAnswer:
        return JobsAnswer(jobs=[JobOut(**one.as_dict()) for one in shop.jobs.listed()], attended=shop.jobs.attended)

    return await run_in_threadpool(read)


@router.post("/v1/jobs", status_code=202, dependencies=ADMIN)
async def post_job(body: JobIn, shop: Shop) -> JobAsked:
    """Ask for a training, or a backup in the folder `schedule.backups`. `shoplens schedule` does it at its next look;
    the gate decides whether what was trained answers. What waits already is not asked for twice."""

    def ask() -> JobAsked:
        job = shop.jobs.ask(body.what, without=body.without)
        return JobAsked(**job.as_dict(), note=None if shop.jobs.attended else UNATTENDED)

    return await run_in_threadpool(ask)


@router.get("/v1/jobs/{job_id}", dependencies=ADMIN)
async def get_job(job_id: Id, shop: Shop) -> JobOut:
    """One job."""
    return JobOut(**(await run_in_threadpool(shop.jobs.get, job_id)).as_dict())


@router.get("/v1/doctor", dependencies=ADMIN)
async def get_findings(shop: Shop) -> DoctorAnswer:
    """What is wrong here and what to do, as `shoplens doctor` says it. Reads whole bundles: up to some seconds."""

    def look() -> DoctorAnswer:
        if not _examining.acquire(blocking=False):
            raise ConflictError("somebody looks already; ask again when they are done")
        try:
            return DoctorAnswer(**findings_json(list(examine(shop.workspace))))
        finally:
            _examining.release()

    return await run_in_threadpool(look)


def _within(request: Request, grant: Grant, per_minute: float | None = None) -> None:
    """HTTP 403 unless the caller's own key reaches as far, and may ask as often."""
    caller: Caller | None = request.state.caller
    if caller is None:
        raise HTTPException(
            403, "this shop has no keys; the first one is made on its machine: shoplens keys create NAME"
        )
    if per_minute is not None and caller.per_minute is not None and per_minute > caller.per_minute:
        raise HTTPException(403, f"this key may ask {caller.per_minute:g} times a minute, and makes none that may more")
    if not any(one.includes(grant) for one in caller.grants):
        mine = " and ".join(map(str, caller.grants))
        raise HTTPException(403, f"this key may {mine}, and neither makes nor revokes one that may {grant}")
