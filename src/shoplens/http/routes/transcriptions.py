"""POST /v1/audio/transcriptions: what is said in a recording, as OpenAI's clients ask for it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from starlette.datastructures import UploadFile
from starlette.responses import StreamingResponse

from shoplens.encoders.speech import Segment
from shoplens.errors import InputError
from shoplens.http.keys import needs
from shoplens.http.multipart import described_form, form_parts, shown_name
from shoplens.http.routes.sent_media import read_options
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.audio import (
    Form,
    TranscriptionAnswer,
    TranscriptionIn,
    last_event,
    segment_events,
    transcription_bytes,
)
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service.listening import Listened
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["audio"], responses=PROBLEMS)
OPTIONS = TypeAdapter(TranscriptionIn)
EVENTS = "text/event-stream"
AT_ONCE = 2  # recordings that are decoded or listened to at the same time; more wait, and other requests go on
_listening = CapacityLimiter(AT_ONCE)

TYPES: dict[Form, str] = {
    "json": "application/json", "verbose_json": "application/json", "text": "text/plain",
    "srt": "application/x-subrip", "vtt": "text/vtt",
}  # fmt: skip
FORM: dict[str, dict[str, Any]] = {
    "file": {"type": "string", "format": "binary", "description": "Sound, or a video whose sound is listened to."},
    **TranscriptionIn.model_json_schema(ref_template="#/components/schemas/{model}")["properties"],
}
KNOWN = {name: "file" if name == "file" else "text" for name in FORM}
EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One server-sent event, `data` of JSON: `transcript.text.segment` with start and end, "
    "`transcript.text.delta`, at last `transcript.text.done` with the whole text.",
    "properties": {"data": {"type": "string"}},
    "required": ["data"],
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            EVENTS: {"schema": EVENT},
            **{TYPES[form]: {"schema": {"type": "string"}} for form in ("text", "srt", "vtt")},
        }
    }
}


@router.post(
    "/v1/audio/transcriptions",
    response_model=TranscriptionAnswer,
    responses=ANSWERS,
    dependencies=[needs("read", "shop", "analysis")],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": {**described_form(FORM)["schema"], "required": ["file"]}}},
        }
    },
)
async def post_transcription(request: Request, shop: Shop) -> Response:
    """What is said in one recording: a file of sound, or a video.

    `stream` sends each segment as soon as it is understood. What is still being recorded goes to the WebSocket
    /v1/audio/stream. Needs the extra `speech`.
    """
    async with form_parts(request, KNOWN, max_files=1) as sent:
        asked = read_options(sent, OPTIONS, lists=("timestamp_granularities[]",), objects=())
        file = next((part for _, part in sent if isinstance(part, UploadFile)), None)
        if file is None:
            raise InputError("the form has no file; send a recording as file")
        listened = await to_thread.run_sync(_open, shop, file, asked, limiter=_listening)
    first = await _next(listened)  # what cannot be listened to is a problem, not a broken answer
    if asked.stream:
        return StreamingResponse(_events(listened, first), media_type=EVENTS)
    return StreamingResponse(_whole(listened, first, asked), media_type=TYPES[asked.response_format])


def _open(shop: Runtime, file: UploadFile, asked: TranscriptionIn) -> Listened:
    known = ("speech", "whisper-1", shop.settings.encoders.speech, shop.listening.recogniser.name)
    if asked.model not in known:
        raise InputError(f"model: there is no {asked.model!r} here; send speech, or {known[-1]}")
    name = shown_name("file", 0, file)
    with tempfile.TemporaryDirectory(prefix="shoplens-parts-") as folder:
        path = Path(folder) / "recording"
        with path.open("wb") as copy:
            while piece := file.file.read(1 << 20):
                copy.write(piece)
        words = "word" in asked.timestamp_granularities and asked.response_format == "verbose_json"
        return shop.listening.file(path, name, language=asked.language, words=words)


async def _next(listened: Listened) -> Segment | None:
    """None at the end. Whoever waits has no turn, so that several long recordings go on side by side."""
    return await to_thread.run_sync(next, listened.segments, None, limiter=_listening)


async def _events(listened: Listened, first: Segment | None) -> AsyncIterator[bytes]:
    heard: list[Segment] = []
    while first is not None:
        yield segment_events(len(heard), first)
        heard.append(first)
        first = await _next(listened)
    yield last_event(heard, listened.seconds)


async def _whole(listened: Listened, first: Segment | None, asked: TranscriptionIn) -> AsyncIterator[bytes]:
    """In one piece, but begun at once: long recordings take longer than an answer may take to begin."""
    heard: list[Segment] = []
    while first is not None:
        heard.append(first)
        first = await _next(listened)
    yield _bytes(listened, heard, asked)


def _bytes(listened: Listened, heard: Sequence[Segment], asked: TranscriptionIn) -> bytes:
    words = "word" in asked.timestamp_granularities
    return transcription_bytes(asked.response_format, listened.seconds, heard, words=words)
