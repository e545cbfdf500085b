"""The colours of a photo as a small vector of its own, no weights needed, and the names of those that dominate.

Every pixel votes softly for 154 colours spread over CIE Lab (10 greys; 4 lightnesses × 3 chromas × 12 hues), three
times: where the photo differs from its border (the thing itself on a plain ground), around the centre, and well inside
the frame. To these come the mean colour of 4 × 4 cells and how much of each row and column the thing covers. Shares are
square-rooted, so that a dot product compares distributions (Bhattacharyya's coefficient).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.blocks import scale_blocks
from shoplens.encoders.colour_names import COLOURS

Floats = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the photo's width and height

SIDE = 48  # pixels of the square that is looked at: colours need no more
CELLS = 4  # a side
STRIPES = 12  # rows, and columns, whose coverage is told
SPREAD = 8.0  # Lab units: how far from its own colour a pixel still votes
NEAR, FAR = 6.0, 18.0  # Lab distance from the border's colour: up to here ground, from there on the thing
EDGE = 2.0  # pixels of a row or column that belong to the thing, for it to reach so far: less is dust
LEAST = 0.02  # share of the picture below which what differs from the border is taken for noise
LEVELS = 32  # of each of red, green and blue in the tables
LIGHTNESS_IN_NAMES = 0.5  # weight against a and b: a shaded blue is still called blue
GREYS, LIGHTNESSES, CHROMAS, HUES = 10, (28.0, 46.0, 64.0, 82.0), (18.0, 38.0, 62.0), 12
PALETTE = GREYS + len(LIGHTNESSES) * len(CHROMAS) * HUES
#: Part of the vector → numbers, share of the squared length.
PARTS: Mapping[str, tuple[int, float]] = MappingProxyType({
    "thing": (PALETTE, 0.34),
    "centre": (PALETTE, 0.25),
    "inside": (PALETTE, 0.25),
    "cells": (CELLS * CELLS * 6, 0.10),
    "outline": (STRIPES * 4, 0.06),
})  # fmt: skip


def _slices() -> Mapping[str, slice]:
    """Where each part stands in a vector."""
    ends = np.cumsum([width for width, _ in PARTS.values()]).tolist()
    slices = (slice(end - width, end) for end, (width, _) in zip(ends, PARTS.values(), strict=True))
    return MappingProxyType(dict(zip(PARTS, slices, strict=True)))


class ColourEncoder:
    """Colour signatures. Needs no file; a millisecond or two a photo; safe to share between threads."""

    name = "colour"
    version = "1"
    modality = "colour"
    size = sum(width for width, _ in PARTS.values())
    blocks: Mapping[str, slice] = _slices()

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003 - nothing to load
        """As the settings want it."""
        return cls()

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Signatures of RGB photos. float32 [len(inputs), size], unit length, laid out as `blocks` says."""
        vectors = np.empty((len(inputs), self.size), np.float32)
        for row, photo in enumerate(inputs):
            vectors[row] = _signature(photo)
        return scale_blocks(vectors, self.blocks, [share for _, share in PARTS.values()])


def dominant_colours(photo: Image.Image, *, most: int = 4, least: float = 0.08) -> list[tuple[str, str, float]]:
    """Names in English and Chinese of the thing's colours and their shares of it, largest first.

    The ground is left out: what resembles the border, if anything stands out from it; the middle counts more than the
    edge. Shares are of all colours, so they add up to 1 at most; those below `least` are left out, the first one never.
    """
    codes = _codes(photo)
    weights = _thing(codes) * _fixed_masks()[0]  # the middle of a thing is the thing, its edge mixes with the ground
    shares = np.bincount(_names()[codes.ravel()], weights.ravel(), len(COLOURS))
    shares = shares / shares.sum()
    order = np.argsort(-shares, kind="stable")[:most].tolist()
    kept = [place for rank, place in enumerate(order) if rank == 0 or shares[place] >= least]
    return [(COLOURS[place].english, COLOURS[place].chinese, float(shares[place])) for place in kept]


def thing_box(photo: Image.Image) -> Box | None:
    """Where the thing stands: the smallest box around what differs from the border's colour, to a 48th of the longer
    side. None when nothing stands out from the ground, or everything does: then the photo is not divided."""
    codes = _codes(photo)
    thing = _thing(codes)
    if thing is _fixed_masks()[0]:
        return None
    clear = np.where(thing > 0.5, thing, 0.0)
    rows, columns = np.flatnonzero(clear.sum(1) >= EDGE), np.flatnonzero(clear.sum(0) >= EDGE)
    if not len(rows) or not len(columns):
        return None
    width, height, left, top = _placed(photo)
    sides = (
        (columns[0] - left) / width, (rows[0] - top) / height,
        (columns[-1] + 1 - left) / width, (rows[-1] + 1 - top) / height,
    )  # fmt: skip
    box = tuple(round(min(max(float(side), 0.0), 1.0), 3) for side in sides)
    return None if box == (0.0, 0.0, 1.0, 1.0) else (box[0], box[1], box[2], box[3])


def lab_of(rgb: npt.ArrayLike) -> Floats:
    """sRGB [..., 3] of 0 to 255 → CIE Lab (D65) [..., 3]: lightness 0 to 100, then a and b."""
    values = np.asarray(rgb, np.float64) / 255.0
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([
        [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041],
    ])  # fmt: skip
    xyz = linear @ to_xyz.T / (0.95047, 1.0, 1.08883)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def _signature(photo: Image.Image) -> Floats:
    """All parts of one photo, each of any length. [size]"""
    codes = _codes(photo)
    thing = _thing(codes)
    # Equal colours vote once: a photo has a few hundred of the table's.
    found, place = np.unique(codes.ravel(), return_inverse=True)
    weights = np.stack([np.bincount(place, mask.ravel(), len(found)) for mask in (thing, *_fixed_masks())])
    shares = (weights / weights.sum(1, keepdims=True)).astype(np.float32) @ _votes()[found]  # [3, PALETTE]
    cell, stripe = SIDE // CELLS, SIDE // STRIPES
    cells = _labs()[codes].reshape(CELLS, cell, CELLS, cell, 3).mean((1, 3))
    tones = np.clip(cells / (100.0, 200.0, 200.0) + (0.0, 0.5, 0.5), 0.0, 1.0).ravel()  # each within 0 to 1
    rows, columns = thing.reshape(STRIPES, -1).mean(1), thing.reshape(SIDE, STRIPES, stripe).mean((0, 2))
    cover = np.concatenate([rows, columns])
    # A number and its complement: together of constant length, so that scaling to unit length loses nothing.
    parts: Floats = np.concatenate([shares.ravel(), tones, 1 - tones, cover, 1 - cover]).astype(np.float32)
    return np.sqrt(parts)


def _codes(photo: Image.Image) -> npt.NDArray[np.intp]:
    """The photo in a square of SIDE pixels, padded with its border's colour, as rows of the tables. [SIDE, SIDE]"""
    width, height, left, top = _placed(photo)
    small = np.asarray(photo.convert("RGB").resize((width, height), Image.Resampling.BOX, reducing_gap=2.0))
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    square = np.empty((SIDE, SIDE, 3), np.uint8)
    square[:] = np.median(border, 0).astype(np.uint8)
    square[top : top + height, left : left + width] = small
    levels = (square // (256 // LEVELS)).astype(np.intp)
    return (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]


def _placed(photo: Image.Image) -> tuple[int, int, int, int]:
    """Width and height of the photo in that square, and where it begins from the left and from the top, in pixels."""
    scale = SIDE / max(photo.size)
    width, height = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    return width, height, (SIDE - width) // 2, (SIDE - height) // 2


def _thing(codes: npt.NDArray[np.intp]) -> Floats:
    """How much each pixel belongs to what is shown rather than to the ground. [SIDE, SIDE], 0 to 1, never all 0."""
    lab = _labs()[codes]
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    away = np.sqrt(((lab - np.median(border, 0)) ** 2).sum(-1))
    thing: Floats = np.clip((away - NEAR) / (FAR - NEAR), 0.0, 1.0)
    if thing.mean() < LEAST:  # white on white, or nothing but one colour
        return _fixed_masks()[0]
    return thing


@cache
def _fixed_masks() -> tuple[Floats, Floats]:
    """Around the centre, fading outwards; and inside the frame, all alike. Each [SIDE, SIDE]."""
    steps = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE - 0.5
    centre = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * 0.18**2))
    inside = (np.maximum(np.abs(steps[:, None]), np.abs(steps[None])) < 0.4).astype(np.float32)
    return centre.astype(np.float32), inside


@cache
def _labs() -> Floats:
    """Lab of the middle of each of the table's colours. [LEVELS³, 3]"""
    middle = (np.arange(LEVELS) + 0.5) * (256 / LEVELS)
    return lab_of(np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(-1, 3))


@cache
def _votes() -> Floats:
    """How each of the table's colours spreads over the palette; rows sum to 1. [LEVELS³, PALETTE]"""
    palette = [(100 * step / (GREYS - 1), 0.0, 0.0) for step in range(GREYS)]
    for lightness in LIGHTNESSES:
        for chroma in CHROMAS:
            hues = np.arange(HUES) * (2 * np.pi / HUES)
            palette.extend((lightness, chroma * np.cos(hue), chroma * np.sin(hue)) for hue in hues)
    places = np.asarray(palette, np.float32)
    lab = _labs()
    squared = (lab**2).sum(1)[:, None] + (places**2).sum(1) - 2 * lab @ places.T
    squared -= squared.min(1, keepdims=True)
    votes = np.exp(-squared / (2 * SPREAD**2))
    result: Floats = (votes / votes.sum(1, keepdims=True)).astype(np.float32)
    return result


@cache
def _names() -> npt.NDArray[np.intp]:
    """The row in COLOURS of each of the table's colours. [LEVELS³]"""
    looks = [(row, look) for row, colour in enumerate(COLOURS) for look in colour.looks]
    scale = np.array([LIGHTNESS_IN_NAMES, 1.0, 1.0], np.float32)
    places = lab_of([look for _, look in looks]) * scale
    lab = _labs() * scale
    squared = (places**2).sum(1) - 2 * lab @ places.T
    names: npt.NDArray[np.intp] = np.array([row for row, _ in looks], np.intp)[squared.argmin(1)]
    return names
