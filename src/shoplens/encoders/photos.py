"""Opens product photos that somebody else supplied: files, http(s) addresses, members of zip archives.

Every photo comes out as RGB on white, upright, no larger than asked. What cannot be used is an InputError that says
why; what must not be used (a decompression bomb, an address inside the network, a name that leaves its folder) is an
UnsafeInputError.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from PIL import Image

from shoplens.encoders.photo_decoding import PhotoLimits, decode_photo
from shoplens.encoders.source_reading import SourceReader

__all__ = ["DecodePhoto", "PhotoLimits", "PhotoOpener", "decode_photo"]


class DecodePhoto(Protocol):
    """What turns bytes into a photo: `decode_photo` here, or `MediaPool.photo` in a process that can be killed."""

    def __call__(
        self, content: bytes, source: str, limits: PhotoLimits, *, longest_side: int | None = None
    ) -> Image.Image:
        """See `decode_photo`."""
        ...


class PhotoOpener:
    """Opens photos within limits. `root` is where relative file names start. Safe to share between threads."""

    def __init__(
        self,
        root: Path | None = None,
        limits: PhotoLimits | None = None,
        *,
        longest_side: int = 1024,
        decode: DecodePhoto = decode_photo,
    ) -> None:
        self.limits = limits if limits is not None else PhotoLimits()
        self.longest_side = longest_side  # pixels; JPEGs are decoded at about that size, which is several times faster
        self._decode = decode
        self._sources = SourceReader(
            root,
            timeout_seconds=self.limits.timeout_seconds,
            total_seconds=3 * self.limits.timeout_seconds,
            max_redirects=self.limits.max_redirects,
            allow_private=self.limits.allow_private,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def root(self) -> Path:
        """Where relative file names start."""
        return self._sources.root

    def close(self) -> None:
        """Close connections."""
        self._sources.close()

    def open(self, source: str) -> Image.Image:
        """The photo at a path, an http(s) URL or `archive.zip#member`: RGB, upright, at most `longest_side` long."""
        return self._decode(self.read(source), source, self.limits, longest_side=self.longest_side)

    def read(self, source: str) -> bytes:
        """The bytes of a photo, within `max_bytes`. InputError or UnsafeInputError with the reason."""
        return self._sources.read(source, self.limits.max_bytes)

    def stamp(self, source: str) -> str:
        """What changes when the photo does, without reading it: see `SourceReader.stamp`."""
        return self._sources.stamp(source)
