"""Opens product photos that somebody else supplied: files, http(s) addresses, members of zip archives.

Every photo comes out as RGB on white, upright, no larger than asked. What cannot be used is an InputError that says
why; what must not be used (a decompression bomb, an address inside the network, a name that leaves its folder) is an
UnsafeInputError.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from shoplens.encoders.photo_archive import PhotoArchives
from shoplens.encoders.remote_photo import PhotoClient
from shoplens.errors import InputError, UnsafeInputError

#: Formats that shops use. Pillow knows some forty more, each with its own decoder to attack.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "MPO")

Image.init()
_ALLOWED = tuple(name for name in FORMATS if name in Image.OPEN)


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """What a photo from outside may cost."""

    max_bytes: int = 20_000_000  # of the file
    max_pixels: int = 50_000_000  # width × height: a 50-megapixel camera; more is a decompression bomb
    timeout_seconds: float = 10.0  # for connecting, and between any two pieces of an answer; in all, three times that
    max_redirects: int = 5
    allow_private: bool = False  # whether URLs may point into the shop's own network


class PhotoOpener:
    """Opens photos within limits. `root` is where relative file names start. Safe to share between threads."""

    def __init__(
        self, root: Path | None = None, limits: PhotoLimits | None = None, *, longest_side: int = 1024
    ) -> None:
        self.root = root if root is not None else Path()
        self.limits = limits if limits is not None else PhotoLimits()
        self.longest_side = longest_side  # pixels; JPEGs are decoded at about that size, which is several times faster
        self._client: PhotoClient | None = None
        self._archives = PhotoArchives()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()
        self._archives.close()

    def open(self, source: str) -> Image.Image:
        """The photo at a path, an http(s) URL or `archive.zip#member`: RGB, upright, at most `longest_side` long."""
        return decode_photo(self.read(source), source, self.limits, longest_side=self.longest_side)

    def read(self, source: str) -> bytes:
        """The bytes of a photo, within `max_bytes`. InputError or UnsafeInputError with the reason."""
        if is_url(source):
            if self._client is None:
                limits = self.limits
                self._client = PhotoClient(
                    max_bytes=limits.max_bytes,
                    timeout_seconds=limits.timeout_seconds,
                    max_redirects=limits.max_redirects,
                    allow_private=limits.allow_private,
                )
            return self._client.fetch(source)
        archive, member = split_archive(source)
        if member is not None:
            return self._archives.read(self.root / archive, member, self.limits.max_bytes)
        return _read_file(self.root / source, self.limits.max_bytes)

    def stamp(self, source: str) -> str:
        """What changes when the photo does, without reading it: size and time of a file, checksum of a zip member.

        A URL stands for its content: shops give a changed photo a new address. An absent file has the stamp "absent".
        """
        if is_url(source):
            return source
        archive, member = split_archive(source)
        if member is not None:
            return f"{source}|{self._archives.stamp(self.root / archive, member)}"
        try:
            status = (self.root / source).stat()
        except (OSError, ValueError):  # ValueError: a null byte in the name
            return f"{source}|absent"
        return f"{source}|{status.st_size}|{status.st_mtime_ns}"


def is_url(source: str) -> bool:
    """Whether a source has a scheme (any scheme: those that are not fetched are refused later, by name)."""
    return "://" in source[:16]


def split_archive(source: str) -> tuple[str, str | None]:
    """`archive.zip#member` → both parts; anything else → (source, None)."""
    archive, mark, member = source.partition("#")
    if mark and archive.lower().endswith(".zip"):
        return archive, member
    return source, None


def decode_photo(content: bytes, source: str, limits: PhotoLimits, *, longest_side: int | None = None) -> Image.Image:
    """Bytes → RGB photo, upright, first frame, transparency on white. `source` is for messages."""
    if not content:
        raise InputError(f"{source}: the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=_ALLOWED) as opened:
            _check_size(opened, source, limits)
            if longest_side is not None:
                opened.draft("RGB", (longest_side, longest_side))  # JPEG only: decodes at 1/2, 1/4 or 1/8
            opened.load()
            return _upright_rgb(opened, longest_side)
    except UnidentifiedImageError:
        raise InputError(f"{source}: not a picture of a known format ({_look_of(content)})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnsafeInputError(f"{source}: refused, too many pixels ({error})") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError, OverflowError) as error:
        # Pillow's decoders raise all of these on damaged files.
        raise InputError(f"{source}: the picture is damaged or cut short ({error})") from error


def _check_size(image: Image.Image, source: str, limits: PhotoLimits) -> None:
    """Refuse before decoding: the header alone names the size."""
    width, height = image.size
    if width * height > limits.max_pixels:
        raise UnsafeInputError(
            f"{source}: refused, {width} × {height} pixels are more than the {limits.max_pixels:,} allowed"
        )
    if min(width, height) < 1:
        raise InputError(f"{source}: the picture has no pixels")


def _upright_rgb(image: Image.Image, longest_side: int | None) -> Image.Image:
    """First frame, turned as its EXIF says, 8-bit RGB on white."""
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):  # the modes that resize well; early, so that the rest is cheap
        image = _shrunk(image, longest_side)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        page.alpha_composite(layer)
        image = page
    return _shrunk(image.convert("RGB"), longest_side)


def _shrunk(image: Image.Image, longest_side: int | None) -> Image.Image:
    """The picture with its longest side cut to `longest_side`."""
    if longest_side is None or max(image.size) <= longest_side:
        return image
    factor = longest_side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey → 8-bit: the high byte. Pillow's own conversion clips at 255 and turns photos white."""
    values = np.nan_to_num(np.asarray(image, np.float64)).astype(np.int64)
    highest = int(values.max(initial=0))
    return Image.fromarray((values >> 8 if highest > 255 else values).clip(0, 255).astype(np.uint8), "L")


def _read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return _within(stream.read(max_bytes + 1), str(path), max_bytes)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read ({reason})") from error


def _within(content: bytes, source: str, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise UnsafeInputError(f"{source}: refused, larger than {max_bytes:,} bytes")
    return content


def _look_of(content: bytes) -> str:
    """A hint at what a mislabelled file really is."""
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml", b"<svg")):
        return "it looks like a web page or SVG"
    if all(32 <= byte < 127 or byte in b"\r\n\t" for byte in content[:64]):
        return "it looks like text"
    return f"it begins with {content[:8].hex(' ')}"
