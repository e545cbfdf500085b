"""POST /v1/classify: texts into classes; GET /v1/classify: which classifiers there are."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from shoplens.http.keys import Access, Keys, needs
from shoplens.http.routes.recommend import described
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.classify import ClassifierOut, ClassifiersAnswer, ClassifyAnswer, ClassifyIn
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service.runtime import Runtime

ANALYSIS = Access("read", ("analysis",))
router = APIRouter(tags=["classify"], responses=PROBLEMS)
CLASSIFY = TypeAdapter(ClassifyIn)
AT_ONCE = 2  # requests that read texts at the same time; more wait, and other requests go on
_reading = CapacityLimiter(AT_ONCE)


@router.post("/v1/classify", response_model=ClassifyAnswer, openapi_extra=described("ClassifyIn", ANALYSIS))
async def post_classify(request: Request) -> Response:
    """Which class each text belongs to, and how sure that is. An unknown model is answered with those there are."""
    keys: Keys = request.app.state.keys
    await keys.check_request(request, ANALYSIS)
    shop: Runtime = request.app.state.runtime
    asked = read_body(await request.body(), CLASSIFY)
    said = await to_thread.run_sync(shop.classifiers.classify, asked.texts, asked.model, limiter=_reading)
    return json_response(ClassifyAnswer.of(said, asked.top).model_dump_json().encode())


@router.get("/v1/classify", dependencies=[needs("read", "analysis")])
async def get_classifiers(shop: Shop) -> ClassifiersAnswer:
    """The classifiers of this shop, their classes, and how good they were on what was kept aside."""
    found = await to_thread.run_sync(shop.classifiers.all)
    return ClassifiersAnswer(classifiers=[ClassifierOut.of(one) for one in found])
