"""The bytes of a recording that a WebSocket brings: bounded in number, in time, and in how many wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

HELD = 1_000_000  # bytes that wait to be listened to; then the sender has to wait
IDLE_SECONDS = 30.0  # without a message


class StreamRefused(Exception):  # noqa: N818 - no fault of ours
    """Why a stream is not listened to (any longer), with the status that HTTP has for it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Recording:
    """Reads a socket while what came before is being worked on. For one event loop."""

    def __init__(self, socket: WebSocket, *, most: int, seconds: float) -> None:
        self._socket = socket
        self._most = most  # bytes in all
        self._seconds = seconds  # from beginning to end
        self._held = bytearray()
        self._changed = asyncio.Condition()
        self._over = False  # nothing will come any more: the end, or `_failed`
        self._failed: Exception | None = None

    @asynccontextmanager
    async def reading(self, first: bytes) -> AsyncIterator[None]:
        """Read for as long as the block takes; `first` came already."""
        reader = asyncio.create_task(self._read(first))
        try:
            yield
        finally:
            reader.cancel()
            await asyncio.wait([reader])

    async def more(self) -> bytes | None:
        """All that came since the last time; None at the end.

        StreamRefused when the sender asks for too much, WebSocketDisconnect when it has gone.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._held or self._over)
            if self._failed is not None:
                raise self._failed
            chunk = bytes(self._held)
            self._held.clear()
            self._changed.notify_all()
            return chunk or None

    async def _read(self, first: bytes) -> None:
        failed: Exception | None = None
        try:
            async with asyncio.timeout(self._seconds):
                await self._all(first)
        except TimeoutError:
            failed = StreamRefused(413, f"the recording lasts longer than {self._seconds:g} seconds")
        except (StreamRefused, WebSocketDisconnect) as error:
            failed = error
        except Exception as error:  # whoever waits for sound must hear of it, whatever it was
            failed = error
        async with self._changed:
            self._failed, self._over = failed, True
            self._changed.notify_all()

    async def _all(self, first: bytes) -> None:
        total, chunk = 0, first
        while True:
            total += len(chunk)
            if total > self._most:
                raise StreamRefused(413, f"the recording is larger than {self._most:,} bytes")
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._held) < HELD)
                self._held += chunk
                self._changed.notify_all()
            received = await self._next()
            if received is None:
                return
            chunk = received

    async def _next(self) -> bytes | None:
        """The next bytes; None after the message that ends."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await self._socket.receive()
        except TimeoutError as error:
            raise StreamRefused(408, f"nothing came for {IDLE_SECONDS:g} seconds") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        content = message.get("bytes")
        if content is not None:
            return bytes(content)
        try:
            end = orjson.loads(message.get("text") or "")
        except orjson.JSONDecodeError:
            end = None
        if end != {"type": "end"}:
            raise StreamRefused(422, 'send bytes of the recording, and {"type": "end"} after the last')
        return None
