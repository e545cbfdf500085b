"""POST /v1/similar: products like one product."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool

from shoplens.apps.similar import similar
from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop, json_response
from shoplens.http.wire.fields import PROBLEMS
from shoplens.http.wire.ranking import RankingAnswer, SimilarIn, answer_bytes
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["recommend"], dependencies=[Depends(needs("read"))], responses=PROBLEMS)


@router.post("/v1/similar", response_model=RankingAnswer)
async def post_similar(body: SimilarIn, shop: Shop) -> Response:
    """By content where it is known, else by who likes both."""
    if shop.quick_reads and not body.explain:
        return json_response(_answer(shop, body))
    return json_response(await run_in_threadpool(_answer, shop, body))


def _answer(shop: Runtime, body: SimilarIn) -> bytes:
    wish = body.to_wish(language=shop.settings.language, repeat=False)
    impression_id, answer = similar(shop.shelf, body.item_id, wish)
    return answer_bytes(impression_id, answer, explain=body.explain)
