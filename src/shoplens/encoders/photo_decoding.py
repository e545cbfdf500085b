"""Turns the bytes of a photo into pixels: RGB on white, upright, first frame, within limits.

Runs where it is called; `media_pool` runs it in a process of its own, which a hostile file may take down with it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from shoplens.encoders.media_kinds import look_of
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
            return upright_rgb(opened, longest_side)
    except UnidentifiedImageError:
        raise InputError(f"{source}: not a picture of a known format ({look_of(content)})") from None
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


def upright_rgb(image: Image.Image, longest_side: int | None) -> Image.Image:
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
