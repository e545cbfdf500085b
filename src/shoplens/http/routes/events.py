"""POST /v1/events, /v1/events/bulk: what people did."""

from __future__ import annotations

import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, TypeAdapter

from shoplens.domain.events import Event
from shoplens.http.keys import Access, Keys, needs
from shoplens.http.routes.shop import MOST_ERRORS, Shop, json_response, read_body, read_rows
from shoplens.http.wire.events import EventIn, EventsAnswer, EventsBulkAnswer
from shoplens.http.wire.fields import PROBLEMS, RowError, SentBefore

EVENTS = Access("write", ("events",))
router = APIRouter(tags=["events"], dependencies=[needs(EVENTS.role, *EVENTS.scopes)], responses=PROBLEMS)
ROW = TypeAdapter(EventIn)
MOST_EVENTS = 1_000  # of one request that is not NDJSON
LIST = TypeAdapter(Annotated[list[EventIn], Field(min_length=1, max_length=MOST_EVENTS)])
EVENT = {"$ref": "#/components/schemas/EventIn"}  # added by http/openapi.py
ONE_OR_MORE = {
    "anyOf": [EVENT, {"type": "array", "items": EVENT, "minItems": 1, "maxItems": MOST_EVENTS}],
    "title": "Body",
}


@router.post(
    "/v1/events",
    response_model=EventsAnswer,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": ONE_OR_MORE}}}},
)
async def post_events(
    request: Request,
    shop: Shop,
    idempotency_key: SentBefore = None,
) -> Response:
    """One event or a list. When the answer comes, they are stored and felt. With an Idempotency-Key, sending the same
    request again changes nothing."""
    raw = await request.body()
    given = read_body(raw, LIST) if raw.lstrip().startswith(b"[") else [read_body(raw, ROW)]
    received = int(time.time() * 1e6)
    events = [one.to_event(received + k, _event_id(idempotency_key, k)) for k, one in enumerate(given)]
    appended = await run_in_threadpool(shop.append_events, events)
    request.app.state.meters.events.inc(appended.stored)
    return json_response(orjson.dumps({"stored": appended.stored, "duplicates": len(appended.duplicates)}))


async def events_at_once(request: Request) -> Response:
    """The same without an Idempotency-Key, read without FastAPI."""
    state = request.app.state
    keys: Keys = state.keys
    await keys.check_request(request, EVENTS)
    return await post_events(request, state.runtime)


#: See `http.shortcut`.
SHORTCUTS = {"post_events": events_at_once}


@router.post(
    "/v1/events/bulk",
    response_model=EventsBulkAnswer,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}
    },
)
async def post_events_bulk(request: Request, shop: Shop, idempotency_key: SentBefore = None) -> Response:
    """NDJSON, one event a line. Good rows are stored together, refused ones are listed with their line. With an
    Idempotency-Key, sending the same lines again changes nothing."""
    raw = await request.body()

    def store() -> bytes:
        received = int(time.time() * 1e6)
        events: list[Event] = []
        errors: list[dict[str, Any]] = []
        refused = 0
        for number, row in read_rows(raw, ROW):
            if isinstance(row, RowError):
                refused += 1
                if len(errors) < MOST_ERRORS:
                    errors.append(row.model_dump())
            else:
                events.append(row.to_event(received + number, _event_id(idempotency_key, number)))
        stored = duplicates = 0
        if events:
            appended = shop.append_events(events)
            stored, duplicates = appended.stored, len(appended.duplicates)
        request.app.state.meters.events.inc(stored)
        return orjson.dumps({"stored": stored, "duplicates": duplicates, "refused": refused, "errors": errors})

    return json_response(await run_in_threadpool(store))


def _event_id(idempotency_key: str | None, place: int) -> str | None:
    """Of an event that has none of its own."""
    return f"{idempotency_key}#{place}" if idempotency_key else None
