"""POST /v1/recommend: the hottest path."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop, json_response
from shoplens.http.wire.fields import PROBLEMS
from shoplens.http.wire.ranking import RankingAnswer, RecommendIn, answer_bytes
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["recommend"], dependencies=[Depends(needs("read"))], responses=PROBLEMS)


@router.post("/v1/recommend", response_model=RankingAnswer)
async def post_recommend(request: Request, body: RecommendIn, shop: Shop) -> Response:
    """The best products for a person or a guest's session, by what they did up to this moment."""
    if shop.quick_reads and not body.explain:
        payload, fallback = _answer(shop, body)  # well under a millisecond: a thread would cost more than the work
    else:
        payload, fallback = await run_in_threadpool(_answer, shop, body)
    if fallback is not None:
        request.app.state.meters.fallbacks.labels(fallback).inc()
    return json_response(payload)


def _answer(shop: Runtime, body: RecommendIn) -> tuple[bytes, str | None]:
    settings = shop.settings
    repeat = settings.train.repeat if body.repeat is None else body.repeat
    wish = body.to_wish(language=settings.language, repeat=repeat)
    shown = shop.home.recommend(shop.shelf, wish, body.user_id, body.session_id)
    return answer_bytes(shown.impression_id, shown.answer, explain=body.explain), shown.answer.fallback
