"""Opens videos and sound that somebody else named, decoding them in a process that can be killed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from shoplens.encoders.media import Clip, MediaLimits, Sound
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.source_reading import SourceReader


class MediaOpener:
    """Opens videos and sound within limits. `root` is where relative file names start. Safe to share between threads.

    The pool stays the caller's: closing the opener closes connections and archives only.
    """

    def __init__(self, pool: MediaPool, root: Path | None = None, limits: MediaLimits | None = None) -> None:
        self.limits = limits if limits is not None else MediaLimits()
        self._pool = pool
        self._sources = SourceReader(
            root,
            timeout_seconds=self.limits.timeout_seconds,
            total_seconds=6 * self.limits.timeout_seconds,
            max_redirects=self.limits.max_redirects,
            allow_private=self.limits.allow_private,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and archives."""
        self._sources.close()

    def clip(self, source: str, *, sound: bool = False) -> Clip:
        """The video at a path, an http(s) URL or `archive.zip#member`, with its sound track if asked for.

        InputError or UnsafeInputError with the reason.
        """
        with self._sources.local(source, self.limits.max_bytes) as file:
            return self._pool.clip(file, source, self.limits, sound=sound)

    def sound(self, source: str) -> Sound:
        """The sound of a sound file or video. float32 [samples], 16 kHz mono; none for a video without sound track.

        InputError or UnsafeInputError with the reason.
        """
        with self._sources.local(source, self.limits.max_bytes) as file:
            return self._pool.sound(file, source, self.limits)

    def stamp(self, source: str) -> str:
        """What changes when the content does, without reading it: see `SourceReader.stamp`."""
        return self._sources.stamp(source)
