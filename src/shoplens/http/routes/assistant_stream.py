"""An answer of the assistant as server-sent events, while it is made. A client that goes away ends the work."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from shoplens.apps.assistant import Reply, Sentence
from shoplens.apps.assistant.listening import Listener, Stage, Switched, TurnStoppedError
from shoplens.errors import ShoplensError
from shoplens.http.errors import problem_of
from shoplens.http.wire.assistant import event, reply_json, sentence_json

log = logging.getLogger(__name__)
EVENTS = "text/event-stream"
_WORK: set[asyncio.Task[None]] = set()  # turns under way: a task that nobody holds may be collected


class Telling:
    """Carries what a turn tells, in its thread, to the event loop that sends it. See `Listener`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._gone = threading.Event()

    def stage(self, name: Stage, told: Mapping[str, object]) -> None:
        """The turn came so far."""
        self._put(event("stage", {"stage": name, **told}))

    def sentence(self, sentence: Sentence) -> None:
        """The next sentence."""
        self._put(event("sentence", sentence_json(sentence)))

    def switched(self, said: int, why: Switched) -> None:
        """Templates go on."""
        self._put(event("switched", {"said": said, "why": why}))

    def check(self) -> None:
        """TurnStoppedError when the client has gone."""
        if self._gone.is_set():
            raise TurnStoppedError

    def end(self, last: bytes | Exception | None) -> None:
        """The turn is over: its reply, what went wrong, or nothing."""
        self._give(last)
        if isinstance(last, bytes):
            self._give(None)

    def stop(self) -> None:
        """The client has gone."""
        self._gone.set()

    async def next(self) -> bytes | Exception | None:
        """What is told next; None: that was all."""
        return await self._told.get()

    def _put(self, told: bytes) -> None:
        self.check()
        self._give(told)

    def _give(self, told: bytes | Exception | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._told.put_nowait, told)
        except RuntimeError:  # the server has ended
            self._gone.set()


async def stream_turn(request: Request, turn: Callable[[Listener], Reply], around: AsyncExitStack) -> StreamingResponse:
    """Events of `turn`, which runs in a thread; `around` is closed when it is over. What it refuses at once is raised
    here, so that it is answered with its status; what goes wrong later is an event `error`."""
    telling = Telling()
    task = asyncio.create_task(_run(turn, telling, around))
    _WORK.add(task)
    task.add_done_callback(_WORK.discard)
    try:
        first = await telling.next()
    except BaseException:  # too late, or the client has gone
        telling.stop()
        raise
    if isinstance(first, Exception):
        raise first
    return StreamingResponse(_events(request, first, telling), media_type=EVENTS)


async def _run(turn: Callable[[Listener], Reply], telling: Telling, around: AsyncExitStack) -> None:
    async with around:
        await run_in_threadpool(_answer, turn, telling)


def _answer(turn: Callable[[Listener], Reply], telling: Telling) -> None:
    try:
        telling.end(event("reply", reply_json(turn(telling))))
    except TurnStoppedError:
        telling.end(None)
    except Exception as error:
        if not isinstance(error, ShoplensError):
            log.exception("a turn of the assistant failed")
        telling.end(error)


async def _events(request: Request, first: bytes | None, telling: Telling) -> AsyncIterator[bytes]:
    told: bytes | Exception | None = first
    try:
        while told is not None:
            if isinstance(told, Exception):
                yield event("error", problem_of(request, told))
                return
            yield told
            told = await telling.next()
    finally:
        telling.stop()
