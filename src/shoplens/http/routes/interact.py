"""POST /v1/interact: a conversation about what to buy, turn by turn."""

from __future__ import annotations

from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.errors import InputError
from shoplens.http.keys import needs
from shoplens.http.multipart import described_form, form_parts, is_form
from shoplens.http.routes.sent_media import Sent, described_question, known_fields, media_parts, read_options
from shoplens.http.routes.shop import Shop, json_response, read_body
from shoplens.http.wire.fields import PROBLEMS
from shoplens.http.wire.interact import InteractAnswer, InteractIn, reply_bytes
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["search"], responses=PROBLEMS)
TURN = TypeAdapter(InteractIn)
AT_ONCE = 2  # turns whose media are decoded and encoded at the same time; more wait, and other requests go on
_seeing = CapacityLimiter(AT_ONCE)

BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/InteractIn"},
            "examples": {
                "first": {"value": {"text": "red dress under 50"}},
                "next": {"value": {"session_id": "from the answer before", "text": "the second one in blue"}},
            },
        },
        "multipart/form-data": described_form(described_question(InteractIn)),
    },
}


@router.post(
    "/v1/interact",
    response_model=InteractAnswer,
    dependencies=[needs("read", "shop")],
    openapi_extra={"requestBody": BODY},
)
async def post_interact(request: Request, shop: Shop) -> Response:
    """One turn, by words (JSON or a form) and by photos, speech and videos (a form): "like this but red, under 30".

    Later turns refine earlier ones: "cheaper", "not that brand", "the second one in blue", "show more", "begin anew".
    The conversation is forgotten when nothing was said for half an hour.
    """
    if is_form(request):
        async with form_parts(request, known_fields(InteractIn), max_files=shop.settings.media.max_files) as sent:
            return json_response(await to_thread.run_sync(_by_form, shop, sent, limiter=_seeing))
    body = read_body(await request.body(), TURN)
    return json_response(await run_in_threadpool(_by_words, shop, body))


def _by_words(shop: Runtime, body: InteractIn) -> bytes:
    return reply_bytes(shop.interaction.turn(body.to_turn(scenario=shop.search.scenario(body.scenario))))


def _by_form(shop: Runtime, sent: Sent) -> bytes:
    body = read_options(sent, TURN, lists=("drop",), objects=("filter",))
    with media_parts(shop, sent) as parts:
        names = {name: part.name for part in parts for name in (str(part.content), Path(part.content).name)}
        try:
            turn = body.to_turn(parts, shop.search.scenario(body.scenario))
            return reply_bytes(shop.interaction.turn(turn), names)
        except InputError as error:
            raise type(error)(_as_sent(str(error), names)) from error


def _as_sent(message: str, names: dict[str, str]) -> str:
    """A message that calls files what the sender calls them."""
    for path, name in names.items():
        message = message.replace(path, name)
    return message
