"""WebSocket /v1/audio/stream: sound while it is being recorded in, what is said out, piece by piece.

A client sends the bytes of a recording as its microphone gives them, and `{"type": "end"}`. It is answered `partial`
(what is being said, may change), `segment` (said for good) and at last `done`. `{"type": "start", …}` may come first
(`wire.audio.StreamStart`). A refusal is an `error` with a status as over HTTP, and a code that closes the socket.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response, WebSocket
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from shoplens.encoders.speech_live import Heard, LiveSpeech
from shoplens.encoders.whisper import EXTRA
from shoplens.errors import MissingExtraError, ShoplensError, UnsafeInputError
from shoplens.http.errors import problem, status_of
from shoplens.http.keys import Access, Keys
from shoplens.http.recording import Recording, StreamRefused
from shoplens.http.wire.audio import StreamStart, segment_json
from shoplens.service.logs import REQUEST
from shoplens.service.runtime import Runtime

log = logging.getLogger(__name__)
router = APIRouter(tags=["audio"])
PATH = "/v1/audio/stream"
START_SECONDS = 10.0  # until the first message
SEND_SECONDS = 20.0  # until a client has taken an answer
MOST_SOCKETS = 64  # open at once in one process, of those whose key was seen
MOST_UNKNOWN = 64  # beside them, of those that have not shown one: they take no place from those that have
AT_ONCE = 2  # streams that are decoded and listened to at the same moment; others wait, and take more at once

#: Why a socket is closed, RFC 6455 and the codes registered later.
DONE, UNREADABLE, GONE, NOT_ALLOWED, TOO_MUCH, FAILED, BUSY = 1000, 1003, 1006, 1008, 1009, 1011, 1013
_listening = CapacityLimiter(AT_ONCE)


@router.get(PATH, include_in_schema=False)
async def not_a_socket(request: Request) -> Response:
    """What a client is told that does not open a WebSocket, or cannot because the server lacks what speaks it."""
    if find_spec("websockets") is None and find_spec("wsproto") is None:
        raise MissingExtraError("WebSockets", EXTRA)
    return problem(request, 426, "this is a WebSocket; open it with ws:// or wss://", headers={"upgrade": "websocket"})


@router.websocket(PATH)
async def audio_stream(socket: WebSocket) -> None:
    """One recording."""
    state = socket.app.state
    if not _same_origin(socket, state.runtime.settings.server.cors_origins):
        await socket.close(NOT_ALLOWED)  # before it was accepted: HTTP 403
        return
    await socket.accept()
    code, reason = FAILED, "an unexpected error"
    REQUEST.set(secrets.token_hex(8))
    try:
        await _converse(socket, state.runtime, state.keys)
        code, reason = DONE, "done"
    except (WebSocketDisconnect, TimeoutError):
        code = GONE
    except (StreamRefused, HTTPException, ShoplensError) as error:
        code, reason = await _refuse(socket, error)
    except Exception:
        log.exception("%s failed", PATH)
        await _refuse(socket, StreamRefused(500, reason))
    finally:
        state.meters.requests.labels("WEBSOCKET", PATH, code).inc()
    if code != GONE:
        await _close(socket, code, reason)


async def _converse(socket: WebSocket, shop: Runtime, keys: Keys) -> None:
    """From the first message to the last answer."""
    header = socket.headers.get("x-api-key") or _bearer(socket.headers.get("authorization", ""))
    access = Access("read", ("shop", "analysis"))
    if header:
        await keys.check(header, access)
        with _place(socket, "open_streams", MOST_SOCKETS):
            await _hear(socket, shop, *await _begin(socket))
        return
    with _place(socket, "unknown_streams", MOST_UNKNOWN):
        start, first = await _begin(socket)
        await keys.check(start.api_key, access)
    with _place(socket, "open_streams", MOST_SOCKETS):
        await _hear(socket, shop, start, first)


@contextmanager
def _place(socket: WebSocket, kind: str, most: int) -> Iterator[None]:
    """One of the places that there are for streams of a kind. StreamRefused when all are taken."""
    state = socket.app.state
    if getattr(state, kind) >= most:
        raise StreamRefused(503, f"{most} streams are open already; try again in a moment")
    setattr(state, kind, getattr(state, kind) + 1)
    state.meters.streams.set(state.open_streams)
    try:
        yield
    finally:
        setattr(state, kind, getattr(state, kind) - 1)
        state.meters.streams.set(state.open_streams)


async def _hear(socket: WebSocket, shop: Runtime, start: StreamStart, first: bytes) -> None:
    """From the first bytes to the last answer."""
    most = int(shop.settings.media.max_upload_mb * 1_000_000)
    recording = Recording(socket, most=most, seconds=2 * shop.settings.media.max_sound_seconds + 60)
    with ExitStack() as stack:
        live = shop.listening.live(
            language=start.language,
            rate=start.rate if start.format == "pcm16" else None,
            partial=start.partial,
            max_bytes=most,
        )
        speech = await to_thread.run_sync(stack.enter_context, live)
        async with recording.reading(first):
            count, told = 0, ""
            while (chunk := await recording.more()) is not None:
                heard = await to_thread.run_sync(speech.feed, chunk, limiter=_listening)
                count, told = await _tell(socket, heard, count, told)
        await _end(socket, speech, count)


async def _end(socket: WebSocket, speech: LiveSpeech, count: int) -> None:
    last, whole = await to_thread.run_sync(speech.finish, limiter=_listening)
    await _tell(socket, last, count, "")
    await _send(
        socket,
        {"type": "done", "text": whole.text, "language": whole.language, "duration": round(speech.seconds, 2)},
    )


async def _begin(socket: WebSocket) -> tuple[StreamStart, bytes]:
    """The start message, or a default one and the first bytes."""
    try:
        async with asyncio.timeout(START_SECONDS):
            message = await socket.receive()
    except TimeoutError as error:
        raise StreamRefused(408, f"nothing came within {START_SECONDS:g} seconds") from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    if message.get("bytes") is not None:
        return StreamStart(), message["bytes"]
    try:
        return StreamStart.model_validate_json(message.get("text") or ""), b""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the first message"
        raise StreamRefused(422, f"{place}: {first['msg']}") from error


async def _tell(socket: WebSocket, heard: Heard, count: int, told: str) -> tuple[int, str]:
    """Send what is new: final segments, and words that have changed. How many segments, and which words, were told."""
    for segment in heard.final:
        await _send(socket, {"type": "segment", **segment_json(count, segment)})
        count += 1
    if heard.partial and heard.partial != told:
        await _send(socket, {"type": "partial", "text": heard.partial})
    return count, heard.partial


async def _refuse(socket: WebSocket, error: Exception) -> tuple[int, str]:
    """Say why, and with which code the socket is closed."""
    status, detail = _told(error)
    await _quietly(_send(socket, {"type": "error", "status": status, "detail": detail}))
    if isinstance(error, UnsafeInputError) or status == 413:
        return TOO_MUCH, detail
    if status in (503, 429):
        return BUSY if status == 503 else NOT_ALLOWED, detail
    if status in (401, 403, 408):
        return NOT_ALLOWED, detail
    return (UNREADABLE if status < 500 else FAILED), detail


def _told(error: Exception) -> tuple[int, str]:
    if isinstance(error, StreamRefused):
        return error.status, str(error)
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    assert isinstance(error, ShoplensError)
    status, told = status_of(error)
    if status >= 500 and status != 501:
        log.error("%s: %s", PATH, error)
    return status, told


async def _send(socket: WebSocket, message: dict[str, Any]) -> None:
    """TimeoutError when the client takes nothing."""
    async with asyncio.timeout(SEND_SECONDS):
        await socket.send_json(message)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    short = reason.encode()[:120].decode(errors="ignore")  # of at most 123 bytes, RFC 6455
    await _quietly(socket.close(code, short))


async def _quietly(telling: Awaitable[None]) -> None:
    """Of a client that may have gone."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # Starlette's RuntimeError: closed already
        async with asyncio.timeout(SEND_SECONDS):
            await telling


def _bearer(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    return value if scheme.lower() == "bearer" else None


def _same_origin(socket: WebSocket, allowed: tuple[str, ...]) -> bool:
    """Whether the page that opens the socket is of this host, or of one that may ask: browsers do not check this."""
    origin = socket.headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return True
    return urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower()
