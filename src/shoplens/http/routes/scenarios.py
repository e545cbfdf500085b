"""Scenarios, and guests who sign in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.scenarios import ScenariosAnswer, SignedIn, SignInIn, scenario_json

router = APIRouter(tags=["recommend"], responses=PROBLEMS)


@router.get("/v1/scenarios", response_model=ScenariosAnswer, dependencies=[needs("read", "shop", "operation")])
async def get_scenarios(shop: Shop) -> dict[str, Any]:
    """The places of the shop that show products, and what each asks for."""
    return {"scenarios": [scenario_json(one) for one in shop.scenarios.values()]}


@router.post("/v1/people/{user_id:id}/sign-in", response_model=SignedIn, dependencies=[needs("write", "events")])
async def post_sign_in(user_id: Id, body: SignInIn, shop: Shop) -> dict[str, Any]:
    """What a session did as a guest is the person's from now on; they stay in its arms of experiments. Doing it twice
    changes nothing."""
    moved = await run_in_threadpool(shop.sign_in, user_id, body.session_id)
    return {"user_id": user_id, "session_id": body.session_id, "events": moved}
