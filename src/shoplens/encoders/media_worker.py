"""The worker process: decodes what it is sent, within limits of memory and time that the system enforces.

It is started by `media_process` and speaks `media_wire` over its standard input and output. Whatever a hostile file
does to a decoder (loops, crashes, eats memory, runs code) happens here and ends here.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

from shoplens.encoders.media import Clip, MediaLimits
from shoplens.encoders.media_wire import Buffer, Raw, receive, send
from shoplens.encoders.pdf import PdfLimits
from shoplens.encoders.photo_decoding import PhotoLimits, decode_photo
from shoplens.errors import InputError, UnsafeInputError

#: What answers need that the first photo does not: a worker that only sees photos never loads FFmpeg.
FILMS = ("shoplens.encoders.live_decoding", "shoplens.encoders.media_video")
LIBRARIES: dict[str, tuple[str, ...]] = {"photo": (), "pdf": ("shoplens.encoders.pdf_reading",)}
MAX_REQUEST = 1 << 31  # bytes; callers keep their own, lower limits

Answer = tuple[dict[str, Any], list[Buffer]]


def main() -> None:
    """Answer requests until the other end closes."""
    requests, answers = _channels()
    limits = ProcessLimits()
    send(answers, {"ready": True})
    worker = _Worker()
    loaded: set[str] = set()
    while (message := receive(requests, MAX_REQUEST)) is not None:
        header, body = message
        for library in LIBRARIES.get(header["ask"], FILMS):
            if library not in loaded:
                loaded.add(library)
                import_module(library)
                limits.measure()
        limits.set(header["memory_bytes"], header["seconds"])
        parts: list[Buffer] = []
        try:
            answer, parts = worker.answer(header, body)
        except UnsafeInputError as error:
            answer = {"refused": "unsafe", "reason": str(error)}
        except InputError as error:
            answer = {"refused": "input", "reason": str(error)}
        except MemoryError:
            answer = {"refused": "memory"}
        except Exception as error:  # decoders raise whatever they like on damaged files
            answer = {"refused": "input", "reason": f"{header['source']}: cannot be decoded ({_words(error)})"}
        del body, message
        send(answers, answer, parts)


class _Worker:
    """What can be asked for."""

    def __init__(self) -> None:
        self._live: Any = None
        self._ask: dict[str, Callable[[dict[str, Any], memoryview], Answer]] = {
            "photo": self._photo,
            "pdf": self._pdf,
            "clip": self._clip,
            "sound": self._sound,
            "live": self._live_start,
            "feed": self._live_feed,
        }

    def answer(self, header: dict[str, Any], body: memoryview) -> Answer:
        """Header and bytes of the answer."""
        return self._ask[header["ask"]](header, body)

    def _photo(self, header: dict[str, Any], body: memoryview) -> Answer:
        limits = PhotoLimits(max_pixels=header["max_pixels"])
        photo = decode_photo(bytes(body), header["source"], limits, longest_side=header["longest_side"])
        return {"size": photo.size}, [_pixels(photo)]

    def _pdf(self, header: dict[str, Any], body: memoryview) -> Answer:
        from shoplens.encoders.pdf_reading import read_pdf

        return {}, [read_pdf(bytes(body), header["source"], PdfLimits(**header["limits"])).packed()]

    def _clip(self, header: dict[str, Any], body: memoryview) -> Answer:
        from shoplens.encoders.media_video import decode_video

        with _file(header, body) as stream:
            clip = decode_video(stream, header["source"], MediaLimits(**header["limits"]), sound=header["sound"])
        return _packed(clip)

    def _sound(self, header: dict[str, Any], body: memoryview) -> Answer:
        from shoplens.encoders.media_sound import decode_sound

        with _file(header, body) as stream:
            sound = decode_sound(stream, header["source"], MediaLimits(**header["limits"]))
        return {}, [sound.tobytes()]

    def _live_start(self, header: dict[str, Any], body: memoryview) -> Answer:  # noqa: ARG002 - as the others
        from shoplens.encoders.live_decoding import LiveDecoder

        self._live = LiveDecoder(header["source"], MediaLimits(**header["limits"]))
        return {}, []

    def _live_feed(self, header: dict[str, Any], body: memoryview) -> Answer:
        if self._live is None:
            raise InputError(f"{header['source']}: nothing was begun")
        return {}, [self._live.feed(bytes(body), last=header["last"]).tobytes()]


class ProcessLimits:
    """Limits that the system enforces on this process, where it can (not on Windows: there only the clock counts)."""

    def __init__(self) -> None:
        try:
            import resource
        except ImportError:
            self._system: Any = None
            return
        self._system = resource
        self._own = 0
        self.measure()
        self._lower(resource.RLIMIT_CORE, 0)  # what is decoded is nobody's business
        self._lower(resource.RLIMIT_FSIZE, 0)  # decoding writes no files

    def measure(self) -> None:
        """Take what the process has now as its own; to be called when it has loaded more libraries."""
        if self._system is not None:
            self._own = _address_space()

    def set(self, memory_bytes: int, seconds: float) -> None:
        """For the next request: memory beyond what the process took when it began, and seconds of processor time."""
        if self._system is None:
            return
        if self._own:
            self._lower(self._system.RLIMIT_AS, self._own + memory_bytes)
        self._lower(self._system.RLIMIT_CPU, int(time.process_time() + seconds) + 1)

    def _lower(self, which: int, value: int) -> None:
        """Set the soft limit; the hard one stays, so that it can be set again for the next request."""
        highest = self._system.getrlimit(which)[1]
        if highest != self._system.RLIM_INFINITY:
            value = min(value, highest)
        with suppress(ValueError, OSError):  # some systems know a limit but do not let it be set
            self._system.setrlimit(which, (value, highest))


def _address_space() -> int:
    """Bytes of address space that this process takes; 0 where that cannot be told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * int(os.sysconf("SC_PAGE_SIZE"))


def _channels() -> tuple[Raw, Raw]:
    """Requests in, answers out; whatever libraries print goes elsewhere."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    return cast(Raw, os.fdopen(requests, "rb", 0)), cast(Raw, os.fdopen(answers, "wb", 0))


def _file(header: dict[str, Any], body: memoryview) -> BinaryIO:
    """The file that is asked about: by its path, or as bytes."""
    if header["path"] is None:
        return io.BytesIO(body)
    try:
        return Path(header["path"]).open("rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{header['source']}: cannot be read ({reason})") from error


def _packed(clip: Clip) -> Answer:
    facts = {name: getattr(clip.facts, name) for name in clip.facts.__slots__}
    header = {
        "sizes": [frame.size for frame in clip.frames],
        "times": clip.times,
        "shot_of": clip.shot_of,
        "shots": clip.shots,
        "duration": clip.duration,
        "sound": None if clip.sound is None else clip.sound.nbytes,
        "facts": facts,
    }
    parts: list[Buffer] = [_pixels(frame) for frame in clip.frames]
    if clip.sound is not None:
        parts.append(clip.sound.tobytes())
    return header, parts


def _pixels(picture: Image.Image) -> Buffer:
    """RGB, row by row. Six times as fast as `tobytes`, which passes everything through an encoder."""
    return np.ascontiguousarray(picture, np.uint8).data.cast("B")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
