"""What people say in public: posts in, trends and alerts out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.http.keys import Access, Keys, needs
from shoplens.http.routes.recommend import described
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.catalogue import Moment
from shoplens.http.wire.fields import PROBLEMS, microseconds
from shoplens.http.wire.opinions import (
    AcknowledgeIn,
    AlertOut,
    AlertsAnswer,
    PostsAnswer,
    PostsIn,
    Series,
    TopicsAnswer,
    TotalsAnswer,
    TrendAnswer,
    alerts_json,
    posts_json,
    topics_json,
    totals_json,
    trend_json,
)
from shoplens.service.opinions import END
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["opinions"], responses=PROBLEMS)
POSTS = TypeAdapter(PostsIn)
MAY_READ, MAY_WRITE = [needs("read", "analysis")], [needs("write", "analysis")]
POSTING = Access("write", ("analysis",))
Kind = Literal["topic", "product", "entity", "aspect"]
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.post("/v1/opinions", response_model=PostsAnswer, openapi_extra=described("PostsIn", POSTING))
async def post_opinions(request: Request) -> Response:
    """Read posts and count them, each exactly once: what is sent again changes nothing. All or none of a request."""
    keys: Keys = request.app.state.keys
    await keys.check_request(request, POSTING)
    shop: Runtime = request.app.state.runtime
    body = read_body(await request.body(), POSTS)

    def take() -> bytes:
        taken = shop.opinions.push([one.to_post() for one in body.posts])
        return orjson.dumps(posts_json(taken, shop.opinions, shop.settings.language))

    return json_response(await run_in_threadpool(take))


@router.get("/v1/opinions/series", response_model=TotalsAnswer, dependencies=MAY_READ)
async def get_series(
    shop: Shop, kind: Kind | None = None, since: Moment | None = None, before: Moment | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """What is counted: the series of one kind (without a kind: all posts), those with most posts first."""

    def find() -> dict[str, Any]:
        bounds = {"since": _microseconds(since, 0), "before": _microseconds(before, END)}
        return totals_json(shop.opinions.totals(kind, **bounds, limit=limit))

    return await run_in_threadpool(find)


@router.get("/v1/opinions/topics", response_model=TopicsAnswer, dependencies=MAY_READ)
async def get_topics(shop: Shop) -> dict[str, Any]:
    """Topics that nobody named, found in the posts by `shoplens opinions topics discover`."""
    return await run_in_threadpool(lambda: topics_json(shop.opinions.topics))


@router.get("/v1/opinions/trends", response_model=TrendAnswer, dependencies=MAY_READ)
async def get_trends(
    shop: Shop,
    series: Annotated[Series, Query()] = "all",
    since: Moment | None = None,
    before: Moment | None = None,
    step: Literal["hour", "day", "week"] = "day",
) -> dict[str, Any]:
    """One series over time; without `since` the last 28 days of it."""

    def find() -> dict[str, Any]:
        begin, end = (None if one is None else _microseconds(one, 0) for one in (since, before))
        return trend_json(shop.opinions.trend(series, since=begin, before=end, step=step))

    return await run_in_threadpool(find)


@router.get("/v1/opinions/alerts", response_model=AlertsAnswer, dependencies=MAY_READ)
async def get_alerts(
    shop: Shop,
    open_only: Annotated[bool, Query(alias="open")] = False,
    since: Moment | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Alerts with their evidence, the latest first."""

    def find() -> dict[str, Any]:
        found = shop.opinions.alerts(open_only=open_only, since=_microseconds(since, 0), limit=limit)
        return alerts_json(found, shop.opinions, shop.settings.language)

    return await run_in_threadpool(find)


@router.post("/v1/opinions/alerts/{alert_id}/acknowledge", response_model=AlertOut, dependencies=MAY_WRITE)
async def acknowledge(
    shop: Shop, alert_id: Annotated[str, Path(max_length=64)], body: AcknowledgeIn | None = None
) -> dict[str, Any]:
    """Somebody looks after it: no further messages about this alert."""
    told = body or AcknowledgeIn()

    def note() -> dict[str, Any]:
        found = shop.opinions.acknowledge(alert_id, by=told.by, note=told.note)
        (one,) = alerts_json([found], shop.opinions, shop.settings.language)["alerts"]
        return dict(one)

    return await run_in_threadpool(note)


def _microseconds(moment: Any, otherwise: int) -> int:
    return otherwise if moment is None else microseconds(moment)
