"""POST /v1/entities: entities of texts; GET /v1/entities: which taggers there are."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from shoplens.http.keys import Access, Keys, needs
from shoplens.http.routes.recommend import described
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.entities import EntitiesAnswer, EntitiesIn, TaggerOut, TaggersAnswer
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service.runtime import Runtime

ANALYSIS = Access("read", ("analysis",))
router = APIRouter(tags=["entities"], responses=PROBLEMS)
ENTITIES = TypeAdapter(EntitiesIn)
AT_ONCE = 2  # requests that read texts at the same time; more wait, and other requests go on
_reading = CapacityLimiter(AT_ONCE)


@router.post("/v1/entities", response_model=EntitiesAnswer, openapi_extra=described("EntitiesIn", ANALYSIS))
async def post_entities(request: Request) -> Response:
    """The entities of each text, and how sure they are. An unknown model is answered with those there are."""
    keys: Keys = request.app.state.keys
    await keys.check_request(request, ANALYSIS)
    shop: Runtime = request.app.state.runtime
    asked = read_body(await request.body(), ENTITIES)
    found = await to_thread.run_sync(shop.taggers.tag, asked.texts, asked.model, limiter=_reading)
    return json_response(EntitiesAnswer.of(found).model_dump_json().encode())


@router.get("/v1/entities", dependencies=[needs("read", "analysis")])
async def get_taggers(shop: Shop) -> TaggersAnswer:
    """The taggers of this shop, what they find, and how good they were on what chose them."""
    found = await to_thread.run_sync(shop.taggers.all)
    return TaggersAnswer(taggers=[TaggerOut.of(one) for one in found])
