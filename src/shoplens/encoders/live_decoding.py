"""Decodes sound while it is still being recorded: bytes in as they come, samples out as they are ready."""

from __future__ import annotations

import threading
from typing import BinaryIO, cast

import numpy as np

from shoplens.encoders.media import SOUND_RATE, MediaLimits, Sound
from shoplens.encoders.media_container import AUDIO_CODECS, first_decodable, opened
from shoplens.encoders.media_kinds import kind_of
from shoplens.encoders.media_sound import Resampled, frames_of
from shoplens.errors import InputError, ShoplensError, UnsafeInputError

HEAD = 400  # bytes that tell the kind of a stream


class LiveDecoder:
    """One stream (WebM, Ogg, WAV, MP4 in fragments, MP3, …). A thread reads it as a file that grows."""

    def __init__(self, source: str, limits: MediaLimits) -> None:
        self._source = source
        self._limits = limits
        self._bytes = 0
        self._growing = _Growing()
        self._pieces: list[Sound] = []
        self._error: ShoplensError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def feed(self, more: bytes, *, last: bool) -> Sound:
        """What can be decoded with `more`; `last` ends the stream. InputError when it cannot be decoded."""
        self._bytes += len(more)
        if self._bytes > self._limits.max_bytes:
            raise UnsafeInputError(f"{self._source}: refused, larger than {self._limits.max_bytes:,} bytes")
        self._growing.append(more, last=last)
        self._growing.wait_until_hungry()
        if last:
            self._thread.join()
        if self._error is not None:
            raise self._error
        pieces, self._pieces = self._pieces, []
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _run(self) -> None:
        try:
            self._decode()
        except ShoplensError as error:
            self._error = error
        except MemoryError:
            self._error = UnsafeInputError(f"{self._source}: refused, decoding it takes too much memory")
        finally:
            self._growing.abandon()

    def _decode(self) -> None:
        kind = kind_of(self._growing.peek(HEAD), self._source)
        if kind.family in ("photo", "animation"):
            raise InputError(f"{self._source}: this is a picture ({kind.name}), no sound")
        stream = cast(BinaryIO, self._growing)
        with opened(stream, kind, self._source, self._limits, growing=True) as container:
            track = first_decodable(container.streams.audio, AUDIO_CODECS)
            if track is None:
                raise InputError(f"{self._source}: it has no sound track")
            track.thread_type = "NONE"
            left = int(self._limits.max_sound_seconds * SOUND_RATE)
            for piece in Resampled().samples(frames_of(container, track)):
                self._pieces.append(piece[:left])
                left -= len(piece)
                if left <= 0:
                    return


class _Growing:
    """A file that cannot be sought in and whose end is not there yet. `read` waits for more."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._changed = threading.Condition()
        self._ended = False  # no more will come
        self._hungry = False  # a reader waits
        self._abandoned = False  # nobody reads any longer

    def append(self, more: bytes, *, last: bool) -> None:
        with self._changed:
            if not self._abandoned:
                self._held += more
            self._ended = self._ended or last
            self._hungry = False
            self._changed.notify_all()

    def wait_until_hungry(self) -> None:
        """Until all is read and more is wanted, or nobody reads any longer."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or self._hungry)

    def abandon(self) -> None:
        with self._changed:
            self._abandoned = True
            self._held.clear()
            self._changed.notify_all()

    def peek(self, count: int) -> bytes:
        """The first bytes, which stay; fewer when the stream is shorter."""
        with self._changed:
            self._wait(count)
            return bytes(self._held[:count])

    def read(self, count: int) -> bytes:
        """At most so many bytes; none at the end."""
        with self._changed:
            self._wait(1)
            piece = bytes(self._held[:count])
            del self._held[:count]
            return piece

    def _wait(self, count: int) -> None:
        while len(self._held) < count and not self._ended:
            self._hungry = True
            self._changed.notify_all()
            self._changed.wait()
