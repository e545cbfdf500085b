"""/v1/assistant/handovers: people of the shop answer conversations; what was said, for the customer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from shoplens.errors import NotFoundError
from shoplens.http.keys import Caller, in_name_of, needs
from shoplens.http.routes.assistant_stream import EVENTS
from shoplens.http.routes.shop import Shop, json_response
from shoplens.http.wire.assistant import AssistantAnswer, event, reply_json
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.handovers import (
    AgentAnswerIn,
    GiveBackIn,
    HandoversAnswer,
    HandoverStateOut,
    LeaveIn,
    MessageOut,
    MessagesAnswer,
    TakeIn,
    handover_json,
    messages_json,
    turn_messages,
    waiting_json,
)
from shoplens.service.runtime import Runtime
from shoplens.store.records import OPEN_HANDOVERS, HandoverState

router = APIRouter(tags=["assistant"], responses=PROBLEMS)
LOOK_EVERY = 1.0  # seconds between looks at what was said
LONGEST = 60.0  # seconds of one stream; whoever listens comes again with the last id
STREAMED: dict[str, Any] = {
    "type": "object",
    "description": "`message` (data: MessageOut, id: its turn) as it is said; `state` (state, agent) when a person "
    "takes the conversation or gives it back. Ends after a minute: come again with `after` or Last-Event-ID.",
    "properties": {"event": {"type": "string", "enum": ["message", "state"]}, "data": {"type": "string"}},
    "required": ["event", "data"],
}


@router.get("/v1/assistant/handovers", response_model=HandoversAnswer, dependencies=[needs("write", "people")])
async def get_handovers(
    shop: Shop,
    state: Annotated[list[HandoverState] | None, Query(description="Default: waiting and with_agent.")] = None,
    agent: Annotated[Id | None, Query(description="Only this agent's.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> dict[str, Any]:
    """Conversations that wait for a person or that a person has, those first that were handed over first."""
    states = tuple(state) if state else OPEN_HANDOVERS
    return waiting_json(await run_in_threadpool(lambda: shop.assistant.desk.waiting(states, agent=agent, limit=limit)))


@router.post(
    "/v1/assistant/handovers/{conversation_id:id}/take",
    response_model=HandoverStateOut,
    dependencies=[needs("write", "people")],
)
async def take_handover(conversation_id: Id, body: TakeIn, shop: Shop) -> dict[str, Any]:
    """This agent answers the conversation. 409 when somebody else does, or when nobody is waited for."""
    return handover_json(await run_in_threadpool(lambda: shop.assistant.desk.take(conversation_id, agent=body.agent)))


@router.post(
    "/v1/assistant/handovers/{conversation_id:id}/answer",
    response_model=MessageOut,
    dependencies=[needs("write", "people")],
)
async def answer_handover(conversation_id: Id, body: AgentAnswerIn, shop: Shop) -> dict[str, Any]:
    """Say something to the customer, in the same conversation; takes it where nobody has."""
    turn = await run_in_threadpool(lambda: shop.assistant.desk.answer(conversation_id, body.text, agent=body.agent))
    return next(turn_messages(turn))


@router.post(
    "/v1/assistant/handovers/{conversation_id:id}/give-back",
    response_model=HandoverStateOut,
    dependencies=[needs("write", "people")],
)
async def give_back_handover(conversation_id: Id, body: GiveBackIn, shop: Shop) -> dict[str, Any]:
    """The assistant goes on, another agent does, or the conversation is over."""
    return handover_json(
        await run_in_threadpool(lambda: shop.assistant.desk.give_back(conversation_id, agent=body.agent, to=body.to))
    )


@router.get(
    "/v1/assistant/conversations/{conversation_id:id}/messages",
    response_model=MessagesAnswer,
    responses={200: {"content": {EVENTS: {"schema": STREAMED}}}},
    dependencies=[needs("read", "shop")],
)
async def get_messages(
    conversation_id: Id,
    request: Request,
    shop: Shop,
    user_id: Annotated[Id | None, Query(description="Who is signed in, as your server knows it.")] = None,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="The last turn that is known already.")] = 0,
) -> Response:
    """What was said after a turn: for the customer, whom a person may have answered meanwhile. As
    `Accept: text/event-stream` it waits for what is said next.

    404 when there is no such conversation, or it is somebody else's; 503 when as many streams wait already as
    `server.max_message_streams` allows, 429 when four wait for this conversation, or more of one key (without keys: of
    one address) than `server.message_stream_share`.
    """
    in_name_of(request, user_id)
    if EVENTS not in request.headers.get("accept", ""):
        found = await run_in_threadpool(shop.assistant.desk.messages_for, user_id, conversation_id, after)
        return json_response(orjson.dumps(messages_json(found)))
    known = request.headers.get("last-event-id", "")
    after = max(after, int(known)) if known.isascii() and known.isdigit() and len(known) < 8 else after
    first = await run_in_threadpool(shop.assistant.desk.messages_for, user_id, conversation_id, after)
    caller: Caller | None = request.state.caller
    address = request.client.host if request.client is not None else ""
    request.scope["listen"](address if caller is None else caller.name, conversation_id)
    said = _said(shop, messages_json(first), conversation_id, user_id, after)
    return StreamingResponse(said, media_type=EVENTS)


@router.post(
    "/v1/assistant/conversations/{conversation_id:id}/leave",
    response_model=AssistantAnswer,
    dependencies=[needs("read", "shop")],
)
async def leave_queue(conversation_id: Id, body: LeaveIn, request: Request, shop: Shop) -> Response:
    """The customer waits for a person no longer: the assistant answers again, and the desk's queue is without them.

    404 as for messages; 409 when nobody is waited for, or an agent has the conversation already.
    """
    in_name_of(request, body.user_id)
    reply = await run_in_threadpool(shop.assistant.leave, conversation_id, body.user_id)
    return json_response(orjson.dumps(reply_json(reply)))


async def _said(
    shop: Runtime, found: dict[str, Any], conversation_id: str, user_id: str | None, after: int
) -> AsyncIterator[bytes]:
    """Events until a minute is over, the customer goes or the conversation is forgotten."""
    ends, state = time.monotonic() + LONGEST, None
    while True:
        messages = found["messages"]
        for place, message in enumerate(messages, start=1):
            # A turn has several messages: who lost the line between two of them gets both once more.
            ends_turn = place == len(messages) or messages[place]["turn"] != message["turn"]
            after = message["turn"]
            yield event("message", message, after if ends_turn else None)
        if found["state"] != state:
            state = found["state"]
            yield event("state", {"state": state, "agent": found["agent"]})
        if time.monotonic() >= ends:
            return
        await asyncio.sleep(LOOK_EVERY)
        try:
            told = await run_in_threadpool(shop.assistant.desk.messages_for, user_id, conversation_id, after)
        except NotFoundError:
            return
        found = messages_json(told)
