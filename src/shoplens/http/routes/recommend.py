"""POST /v1/recommend and /v1/similar: the hottest paths, so they read and write their JSON without detours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.http.keys import Access, Keys
from shoplens.http.routes.shop import json_response, read_body
from shoplens.http.wire.fields import PROBLEMS
from shoplens.http.wire.ranking import RankingAnswer, RankingIn, RecommendIn, SimilarIn, answer_bytes
from shoplens.recommend.pipeline import Answer
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["recommend"], responses=PROBLEMS)
Body = TypeVar("Body", bound=RankingIn)
SHOP = Access("read", ("shop",))
RECOMMEND, SIMILAR = TypeAdapter(RecommendIn), TypeAdapter(SimilarIn)


def described(model: str, access: Access) -> dict[str, Any]:
    """What OpenAPI says about a route that reads body and key itself; `http/openapi.py` adds the schema it names."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "security": access.security,
    }


@router.post("/v1/recommend", response_model=RankingAnswer, openapi_extra=described("RecommendIn", SHOP))
async def post_recommend(request: Request) -> Response:
    """The best products for a person or a guest's session, by what they did up to this moment."""
    return await _ranked(request, RECOMMEND, _recommend)


@router.post("/v1/similar", response_model=RankingAnswer, openapi_extra=described("SimilarIn", SHOP))
async def post_similar(request: Request) -> Response:
    """Products like one product: by content where it is known, else by who likes both."""
    return await _ranked(request, SIMILAR, _similar)


async def _ranked(
    request: Request, adapter: TypeAdapter[Body], answer: Callable[[Runtime, Body], tuple[str, Answer]]
) -> Response:
    state = request.app.state
    keys: Keys = state.keys
    await keys.check_request(request, SHOP)
    shop: Runtime = state.runtime
    body = read_body(await request.body(), adapter)
    if shop.quick_reads and not body.explain:
        impression_id, ranked = answer(shop, body)  # well under a millisecond: a thread would cost more than the work
    else:
        impression_id, ranked = await run_in_threadpool(answer, shop, body)
    if ranked.fallback is not None:
        state.meters.fallbacks.labels(ranked.fallback).inc()
    return json_response(answer_bytes(impression_id, ranked, explain=body.explain))


def _recommend(shop: Runtime, body: RecommendIn) -> tuple[str, Answer]:
    wish = shop.wish(body.scenario, **body.given())
    shown = shop.answers.recommend(wish, body.user_id, body.session_id)
    return shown.impression_id, shown.answer


def _similar(shop: Runtime, body: SimilarIn) -> tuple[str, Answer]:
    wish = shop.wish(body.scenario, **body.given())
    shown = shop.answers.similar(body.item_id, wish, body.user_id, body.session_id)
    return shown.impression_id, shown.answer


#: See `http.shortcut`.
SHORTCUTS = {"post_recommend": post_recommend, "post_similar": post_similar}
