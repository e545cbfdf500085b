"""POST /v1/audio/transcriptions: what is said in a recording, as OpenAI's clients ask for it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

from anyio import CapacityLimiter, move_on_after, to_thread
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from starlette.datastructures import UploadFile
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shoplens.encoders.speech import Segment
from shoplens.errors import InputError, ServiceUnavailableError
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
HELD = 8  # recordings in memory at the same time, in one process: some 60 MB each where they last ten minutes
HELD_SECONDS = 60.0  # that others wait for a place, their files on the disk
_listening = CapacityLimiter(AT_ONCE)
_held = CapacityLimiter(HELD)

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
    place: _Place | None = None
    try:
        async with form_parts(request, KNOWN, max_files=1) as sent:
            asked = read_options(sent, OPTIONS, lists=("timestamp_granularities[]",), objects=())
            file = next((part for _, part in sent if isinstance(part, UploadFile)), None)
            if file is None:
                raise InputError("the form has no file; send a recording as file")
            place = await _Place.take()
            listened = await to_thread.run_sync(_open, shop, file, asked, limiter=_listening)
            first = await _next(listened)  # what cannot be listened to is a problem, not a broken answer
    except BaseException:  # also of closing the form, which waits
        if place is not None:
            place.leave()
        raise
    if asked.stream:
        return _Answer(place, _events(listened, first), EVENTS)
    return _Answer(place, _whole(listened, first, asked), TYPES[asked.response_format])


class _Place:
    """Of one recording among those that are held in memory."""

    @classmethod
    async def take(cls) -> Self:
        """ServiceUnavailableError when none is free for HELD_SECONDS."""
        place = cls()
        with move_on_after(HELD_SECONDS):
            await _held.acquire_on_behalf_of(place)
            return place
        raise ServiceUnavailableError(f"{HELD} recordings are listened to already; try again in a moment")

    def leave(self) -> None:
        """Let the next one in."""
        _held.release_on_behalf_of(self)


class _Answer(StreamingResponse):
    """Leaves its place when it was sent, or nobody waits for it any longer."""

    def __init__(self, place: _Place, parts: AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(parts, media_type=media_type)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.leave()


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
