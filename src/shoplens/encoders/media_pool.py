"""Decoding of photos, videos, sound and PDFs in worker processes that can be killed.

A worker has a limit of memory and of processor time set by the system, and one of time by the clock set here. When a
file crashes it, makes it loop or eat memory, that file is refused and another worker takes its place.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from PIL import Image

from shoplens.encoders.media import Clip, MediaFacts, MediaLimits, Sound
from shoplens.encoders.media_process import MediaProcess, Watchdog
from shoplens.encoders.pdf import PdfLimits, PdfText
from shoplens.encoders.photo_decoding import PhotoLimits
from shoplens.encoders.session import available_cores
from shoplens.errors import InputError

PHOTO_SECONDS = 20.0  # the largest photo allowed takes two
PHOTO_MEMORY = 1 << 30  # bytes; the largest photo allowed takes 600 MB on its way
CALLS_A_WORKER = 5_000  # then another takes its place: libraries leak a little
ANSWER_BYTES = 1 << 30  # that an answer may have


class _Workers:
    """The workers of one process, apart from the pool so that they can be ended when the pool is forgotten."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.changed = threading.Condition()
        self.idle: list[MediaProcess] = []
        self.all: set[MediaProcess] = set()
        self.reserved = 0  # workers about to start
        self.live = 0  # of `all` and `reserved`, those that decode what is being recorded
        self.closed = False
        self.watchdog = Watchdog()
        self.owner = os.getpid()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            workers, idle, self.idle = list(self.all), self.idle, []
            self.all.clear()
            self.changed.notify_all()
        if self.owner != os.getpid():
            return  # a copy of somebody else's, made by fork
        self.watchdog.stop()
        for worker in workers:
            if worker not in idle:
                worker.kill()  # it is busy; whoever waits for it gets a refusal
        for worker in workers:
            if not worker.dead:
                worker.close()


class MediaPool:
    """Decodes on up to `workers` processes (None: one a core, at most four), started when they are needed.

    Safe to share between threads: a call takes a worker, or waits for one. Close it, or use it in a `with` block; one
    that is forgotten is closed with the process. After a fork the child starts workers of its own.
    """

    def __init__(
        self, workers: int | None = None, *, photo_seconds: float = PHOTO_SECONDS, photo_memory: int = PHOTO_MEMORY
    ) -> None:
        self.workers = workers or min(4, available_cores())
        self.photo_seconds = photo_seconds
        self.photo_memory = photo_memory
        self._state = _Workers(self.workers)
        self._finalizer = weakref.finalize(self, self._state.close)
        self._forks = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; calls under way are refused."""
        self._finalizer()

    def photo(
        self, content: bytes, source: str, limits: PhotoLimits, *, longest_side: int | None = None
    ) -> Image.Image:
        """As `photo_decoding.decode_photo`, elsewhere."""
        if not content:
            raise InputError(f"{source}: the file is empty")
        header = {"ask": "photo", "source": source, "max_pixels": limits.max_pixels, "longest_side": longest_side}
        with self._worker() as worker:
            answer, body = worker.ask(
                header, [content], seconds=self.photo_seconds, memory_bytes=self.photo_memory, most=ANSWER_BYTES
            )
        return _image(answer.get("size"), body, source)

    def clip(self, file: Path | bytes, source: str, limits: MediaLimits, *, sound: bool = True) -> Clip:
        """As `media_video.decode_video`, elsewhere. A path is read there, so that long videos are never in memory."""
        answer, body = self._ask_about(file, source, limits, ask="clip", sound=sound)
        return _clip(answer, body, source)

    def sound(self, file: Path | bytes, source: str, limits: MediaLimits) -> Sound:
        """As `media_sound.decode_sound`, elsewhere."""
        _, body = self._ask_about(file, source, limits, ask="sound")
        return _sound(body, source)

    def pdf(self, content: bytes, source: str, limits: PdfLimits) -> PdfText:
        """As `pdf_reading.read_pdf`, elsewhere."""
        if len(content) > limits.max_bytes:
            raise InputError(f"{source}: refused, larger than {limits.max_bytes:,} bytes; cut it into several files")
        with self._worker() as worker:
            _, body = worker.ask(
                {"ask": "pdf", "source": source, "limits": asdict(limits)},
                [content],
                seconds=limits.decode_seconds,
                memory_bytes=limits.memory_bytes,
                most=ANSWER_BYTES,
            )
        text: PdfText = _checked(source, lambda: PdfText.unpacked(body))
        return text

    @contextmanager
    def live(self, source: str, limits: MediaLimits) -> Iterator[LiveSound]:
        """A stream of sound that is still being recorded; it has a worker of its own until the block ends.

        InputError when as many are under way as there may be.
        """
        with self._worker(live=True) as worker:
            try:
                yield LiveSound(worker, source, limits)
            finally:
                worker.dead = True  # it may be in the middle of the stream

    def _ask_about(
        self, file: Path | bytes, source: str, limits: MediaLimits, **more: Any
    ) -> tuple[dict[str, Any], memoryview]:
        content = file if isinstance(file, bytes) else b""
        size = file.stat().st_size if isinstance(file, Path) and file.exists() else len(content)
        if size > limits.max_bytes:
            raise InputError(f"{source}: refused, larger than {limits.max_bytes:,} bytes")
        path = str(file.absolute()) if isinstance(file, Path) else None
        header = {"source": source, "path": path, "limits": asdict(limits), **more}
        with self._worker() as worker:
            return worker.ask(
                header,
                [content],
                seconds=limits.decode_seconds,
                memory_bytes=limits.memory_bytes,
                most=ANSWER_BYTES,
            )

    @contextmanager
    def _worker(self, *, live: bool = False) -> Iterator[MediaProcess]:
        """A worker for one call, or for one live stream."""
        state = self._own_state()
        worker = self._taken(state, live)
        try:
            yield worker
        finally:
            with state.changed:
                state.live -= live
                # One that was started while the pool was being closed is known to nobody else: it ends here.
                reuse = not worker.dead and worker.calls < CALLS_A_WORKER and not state.closed
                if reuse:
                    state.idle.append(worker)
                else:
                    state.all.discard(worker)
                state.changed.notify()
            if not reuse:
                worker.kill()
                worker.close()

    def _taken(self, state: _Workers, live: bool) -> MediaProcess:
        with state.changed:
            if live and state.live >= state.most:
                raise InputError(f"{state.most} streams are being decoded already; try again in a moment")
            state.live += live
            # Live streams have workers beside the others: a recording must not keep photos waiting.
            state.changed.wait_for(
                lambda: state.closed or state.idle or live or len(state.all) + state.reserved - state.live < state.most
            )
            if state.closed:
                state.live -= live
                raise InputError("decoding has been closed")
            while state.idle:
                worker = state.idle.pop()  # the last one used: its memory is warm
                if not worker.gone:
                    return worker
                worker.close()  # it ended while it had nothing to do: no file's fault
                state.all.discard(worker)
            state.reserved += 1
        started = None
        try:
            started = MediaProcess(state.watchdog)
        finally:
            with state.changed:
                state.reserved -= 1
                if started is not None:
                    state.all.add(started)
                else:
                    state.live -= live
                state.changed.notify()
        return started

    def _own_state(self) -> _Workers:
        """The workers of this process: after a fork, those of the parent are left alone."""
        with self._forks:
            if self._state.owner != os.getpid():
                self._state = _Workers(self.workers)
                self._finalizer.detach()
                self._finalizer = weakref.finalize(self, self._state.close)
            return self._state


class LiveSound:
    """Sound that is still being recorded: bytes of its file in, samples out."""

    def __init__(self, worker: MediaProcess, source: str, limits: MediaLimits) -> None:
        self._worker = worker
        self._source = source
        self._limits = limits
        self._ask({"ask": "live", "limits": asdict(limits)}, b"")

    def feed(self, more: bytes, *, last: bool = False) -> Sound:
        """Samples that `more` completes. float32 [samples]; `last` gives the rest. InputError when it is no sound."""
        return self._ask({"ask": "feed", "last": last}, more)

    def _ask(self, header: dict[str, Any], content: bytes) -> Sound:
        _, body = self._worker.ask(
            {"source": self._source, **header},
            [content],
            seconds=self._limits.decode_seconds,
            memory_bytes=self._limits.memory_bytes,
            most=ANSWER_BYTES,
        )
        return _sound(body, self._source)


def _checked(source: str, build: Callable[[], Any]) -> Any:
    """What an answer holds; a worker that a file has taken over may answer anything."""
    try:
        return build()
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(f"{source}: the decoder's answer makes no sense ({error})") from error


def _image(size: Any, body: memoryview, source: str) -> Image.Image:
    def build() -> Image.Image:
        width, height = int(size[0]), int(size[1])
        if min(width, height) < 1 or len(body) != 3 * width * height:
            raise ValueError(f"{len(body)} bytes for {width} × {height} pixels")
        return Image.frombytes("RGB", (width, height), body)

    image: Image.Image = _checked(source, build)
    return image


def _sound(body: memoryview, source: str) -> Sound:
    sound: Sound = _checked(source, lambda: np.frombuffer(body, np.float32))
    return sound


def _clip(answer: dict[str, Any], body: memoryview, source: str) -> Clip:
    def build() -> Clip:
        frames, start = [], 0
        for width, height in answer["sizes"]:
            end = start + 3 * int(width) * int(height)
            frames.append(_image((width, height), body[start:end], source))
            start = end
        return Clip(
            frames=tuple(frames),
            times=tuple(float(time) for time in answer["times"]),
            shot_of=tuple(int(shot) for shot in answer["shot_of"]),
            shots=tuple((float(first), float(last)) for first, last in answer["shots"]),
            duration=float(answer["duration"]),
            sound=None if answer["sound"] is None else _sound(body[start : start + int(answer["sound"])], source),
            facts=MediaFacts(**answer["facts"]),
        )

    clip: Clip = _checked(source, build)
    return clip
