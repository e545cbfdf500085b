"""POST /v1/search: by words, photos, sound and video; suggestions, trends, and what was not found."""

from __future__ import annotations

import os
from typing import Annotated

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.http.keys import Keys, needs
from shoplens.http.multipart import described_form, form_parts, is_form
from shoplens.http.routes.recommend import SHOP
from shoplens.http.routes.sent_media import Sent, described_question, known_fields, media_parts, read_options
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.search import Language, SearchAnswer, SearchIn, Words, found_bytes
from shoplens.http.wire.searches import AnalyticsAnswer, TrendingAnswer, figures_json, trending_json
from shoplens.http.wire.suggest import SuggestionsAnswer, suggestions_bytes
from shoplens.service.asked_media import AskedMedia
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["search"], responses=PROBLEMS)
SEARCH = TypeAdapter(SearchIn)
LISTS, OBJECTS = ("facets", "sort", "drop"), ("filter",)
MOST_SUGGESTIONS = 50
MOST_QUERIES = 1_000  # of a list of figures
MOST_DAYS = 3_650
AT_ONCE = 2  # requests whose media are decoded and encoded at the same time; more wait, and other requests go on
SEARCHES_AT_ONCE = max(4, os.cpu_count() or 1)  # more take turns, or quick answers would wait for all of them
_seeing, _searching = CapacityLimiter(AT_ONCE), CapacityLimiter(SEARCHES_AT_ONCE)

BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/SearchIn"},
            "examples": {
                "words": {"value": {"text": "red dress under 50", "facets": ["brand", "attributes.color"]}},
                "browse": {"value": {"filter": {"field": "category", "eq": "Women > Shoes"}, "sort": ["price:asc"]}},
            },
        },
        "multipart/form-data": described_form(described_question(SearchIn)),
    },
}


@router.post(
    "/v1/search",
    response_model=SearchAnswer,
    response_model_exclude_none=True,
    openapi_extra={"requestBody": BODY, "security": SHOP.security},
)
async def post_search(request: Request) -> Response:
    """Find products by words (JSON or a form), and by photos, speech, sound or short videos (a form), alone or mixed.

    Words become filters where they name a price, brand, category or attribute of this catalogue: `understood` shows
    them, `drop` takes them away. Words said in sound count as words typed.
    """
    state = request.app.state
    keys: Keys = state.keys
    await keys.check_request(request, SHOP)
    shop: Runtime = state.runtime
    if is_form(request):
        async with form_parts(request, known_fields(SearchIn), max_files=shop.settings.media.max_files) as sent:
            return json_response(await to_thread.run_sync(_by_form, shop, sent, limiter=_seeing))
    body = read_body(await request.body(), SEARCH)
    return json_response(await to_thread.run_sync(_by_words, shop, body, limiter=_searching))


@router.get("/v1/suggest", response_model=SuggestionsAnswer, dependencies=[needs("read", "shop")])
async def get_suggest(
    shop: Shop,
    q: Annotated[Words, Query(description="What was typed so far; Chinese also as pinyin.")] = "",
    n: Annotated[int, Query(ge=1, le=MOST_SUGGESTIONS)] = 10,
    user_id: Annotated[Id | None, Query(description="Own searches come first.")] = None,
    session_id: Annotated[Id | None, Query()] = None,
    language: Annotated[Language | None, Query(description="Default: the shop's setting.")] = None,
) -> Response:
    """How what somebody types may go on: own and popular searches, categories, brands, products."""
    wanted = language or shop.settings.language

    def suggest() -> bytes:
        return suggestions_bytes(shop.search.suggest(q, n, user_id, session_id, wanted))

    return json_response(await run_in_threadpool(suggest))


@router.get("/v1/search/trending", response_model=TrendingAnswer, dependencies=[needs("read", "shop", "analysis")])
async def get_trending(shop: Shop, n: Annotated[int, Query(ge=1, le=MOST_QUERIES)] = 10) -> Response:
    """What is searched for more than usual."""

    def look() -> bytes:
        return orjson.dumps({"searches": [trending_json(one) for one in shop.search.trending(n)]})

    return json_response(await run_in_threadpool(look))


@router.get("/v1/search/analytics", response_model=AnalyticsAnswer, dependencies=[needs("read", "analysis")])
async def get_analytics(
    shop: Shop,
    days: Annotated[float, Query(gt=0, le=MOST_DAYS, description="Of the last so many days.")] = 28,
    n: Annotated[int, Query(ge=1, le=MOST_QUERIES, description="Queries of each list.")] = 50,
) -> Response:
    """What people searched for, what they did not find, what they left alone."""

    def look() -> bytes:
        return orjson.dumps(figures_json(shop.search.analytics(days, n), days, shop.search.click_report()))

    return json_response(await run_in_threadpool(look))


def _by_words(shop: Runtime, body: SearchIn) -> bytes:
    found = shop.search.search(body.to_ask(shop.settings, shop.search.scenario(body.scenario)))
    return found_bytes(found, explain=body.explain)


def _by_form(shop: Runtime, sent: Sent) -> bytes:
    body = read_options(sent, SEARCH, lists=LISTS, objects=OBJECTS)
    with media_parts(shop, sent) as parts:
        seen = shop.search.see(parts) if parts else AskedMedia()
    found = shop.search.search(seen.join(body.to_ask(shop.settings, shop.search.scenario(body.scenario))))
    return found_bytes(found, explain=body.explain, heard=seen.heard)
