"""POST /v1/assistant: a message to the customer-service assistant; transcripts of what was said, and feedback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.apps.assistant import Reply
from shoplens.apps.assistant.listening import NOBODY, Listener
from shoplens.errors import NotFoundError
from shoplens.http.keys import Access, Keys, in_name_of, needs
from shoplens.http.multipart import described_form, files_schema, form_parts, is_form
from shoplens.http.routes.assistant_stream import EVENTS, stream_turn
from shoplens.http.routes.sent_media import CROP, Sent, media_parts, read_options
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.assistant import (
    AssistantAnswer,
    AssistantIn,
    ConversationForgotten,
    ConversationsAnswer,
    FeedbackIn,
    FeedbackOut,
    TranscriptOut,
    behind_conversation,
    conversations_json,
    reply_json,
    transcript_json,
)
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.pages import Cursor
from shoplens.service.runtime import Runtime

TEACHING = Access("write", ("people",))  # what a message meant is learnt from
router = APIRouter(tags=["assistant"], responses=PROBLEMS)
MESSAGE = TypeAdapter(AssistantIn)
FIELDS: dict[str, dict[str, Any]] = {
    "image": files_schema("Photos of what is asked about."),
    "crop": CROP,
    **AssistantIn.model_json_schema(ref_template="#/components/schemas/{model}")["properties"],
}
KNOWN = {name: "file" if name == "image" else "text" for name in FIELDS}
BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/AssistantIn"},
            "examples": {"first": {"value": {"text": "how long can I return shoes?"}}},
        },
        "multipart/form-data": described_form(FIELDS),
    },
}
EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One server-sent event; `data` is JSON. `stage`: understood (language, act, intent …), found "
    "(outcome, sources). `sentence`: the next one, checked; it stays. `switched`: what an endpoint wrote next stands "
    "in no source (why: unsupported) or did not come (failed); templates go on after the `said` sentences before. "
    "`reply`: all of it, last. `error`: a problem, last.",
    "properties": {
        "event": {"type": "string", "enum": ["stage", "sentence", "switched", "reply", "error"]},
        "data": {"type": "string"},
    },
    "required": ["event", "data"],
}
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {EVENTS: {"schema": EVENT}}}}


@router.post(
    "/v1/assistant",
    response_model=AssistantAnswer,
    responses=STREAM,
    dependencies=[needs("read", "shop")],
    openapi_extra={"requestBody": BODY},
)
async def post_assistant(request: Request, shop: Shop) -> Response:
    """One message: JSON, or a form with photos ("do you have this in red?"). As `Accept: text/event-stream` the answer
    comes while it is made: stages, then sentence by sentence. Whoever hangs up ends the turn; nothing of it is kept.

    Every factual sentence names its sources. What nobody wrote down is not answered: it is asked back, or handed over.
    """
    async with AsyncExitStack() as around:
        turn: Callable[[Listener], Reply]
        if is_form(request):
            parts = form_parts(request, KNOWN, max_files=shop.settings.media.max_files)
            sent = await around.enter_async_context(parts)
            body = read_options(sent, MESSAGE, lists=(), objects=())
            in_name_of(request, body.user_id)
            turn = partial(_by_form, shop, body, sent)
        else:
            body = read_body(await request.body(), MESSAGE)
            in_name_of(request, body.user_id)
            turn = partial(shop.assistant.turn, body.to_turn())
        if body.stream or EVENTS in request.headers.get("accept", ""):
            return await stream_turn(request, turn, around.pop_all())
        return json_response(orjson.dumps(reply_json(await run_in_threadpool(turn, NOBODY))))


@router.post("/v1/assistant/feedback", dependencies=[needs("read", "shop")])
async def post_feedback(request: Request, body: FeedbackIn, shop: Shop) -> FeedbackOut:
    """Whether an answer helped; and, with a key that may write, what the message should have been understood as."""
    if body.intent is not None:
        keys: Keys = request.app.state.keys
        await keys.check_request(request, TEACHING)
    await run_in_threadpool(
        lambda: shop.assistant.judge(body.conversation_id, body.turn, helpful=body.helpful, intent=body.intent)
    )
    return FeedbackOut(conversation_id=body.conversation_id, turn=body.turn)


@router.get("/v1/assistant/conversations", response_model=ConversationsAnswer, dependencies=[needs("write", "people")])
async def get_conversations(
    shop: Shop,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
    handed_over: Annotated[
        bool | None, Query(description="Only those handed over to a person, or only others.")
    ] = None,
) -> dict[str, Any]:
    """Conversations, the ones that went on last first."""
    after = behind_conversation(cursor)
    found = await run_in_threadpool(
        lambda: shop.store.transcripts.latest(limit=limit + 1, after=after, handed_over=handed_over)
    )
    return conversations_json(found, limit)


@router.get(
    "/v1/assistant/conversations/{conversation_id:id}",
    response_model=TranscriptOut,
    dependencies=[needs("write", "people")],
)
async def get_transcript(conversation_id: Id, shop: Shop) -> dict[str, Any]:
    """Everything that was said in one conversation."""

    def read() -> dict[str, Any]:
        kept = shop.store.transcripts.load(conversation_id)
        if kept is None:
            raise NotFoundError(f"no conversation {conversation_id!r}")
        return transcript_json(kept, shop.store.transcripts.turns(conversation_id))

    return await run_in_threadpool(read)


@router.delete("/v1/assistant/conversations/{conversation_id:id}", dependencies=[needs("write", "people")])
async def delete_transcript(conversation_id: Id, shop: Shop) -> ConversationForgotten:
    """Forget one conversation, with what was searched for in it."""
    if not await run_in_threadpool(shop.forget_conversation, conversation_id):
        raise NotFoundError(f"no conversation {conversation_id!r}")
    return ConversationForgotten(conversation_id=conversation_id)


def _by_form(shop: Runtime, body: AssistantIn, sent: Sent, listener: Listener) -> Reply:
    with media_parts(shop, sent) as parts:
        return shop.assistant.turn(body.to_turn(parts), listener)
