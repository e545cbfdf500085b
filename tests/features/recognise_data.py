"""A tiny catalogue of drawn products, and photos of them as a shopper would take them. No network, no files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from shoplens.encoders.base import Vectors
from shoplens.encoders.colour import ColourEncoder
from shoplens.features.recognise_views import PhotoReader

COLOURS = ("#c81820", "#1e54be", "#fadc28", "#287c3c", "#784c2c", "#f07c1c")
SHAPES = ("disc", "square", "stripe")
IDS = [f"{colour}-{shape}" for colour in COLOURS for shape in SHAPES]


class Thumbnails:
    """A photo encoder for tests: the photo itself, 8 × 8 pixels, and how much its neighbours differ."""

    name, version, modality, size = "thumbnails", "1", "image", 8 * 8 * 3 * 2
    blocks = {"embedding": slice(0, 192), "layers": slice(192, 384)}  # noqa: RUF012

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        rows = []
        for photo in inputs:
            small = np.asarray(photo.convert("RGB").resize((8, 8), Image.Resampling.BOX), np.float32) / 255 - 0.5
            edges = np.abs(small - np.roll(small, 1, 1))
            rows.append(np.concatenate([small.ravel() + 1e-3, edges.ravel() + 1e-3]))
        vectors = np.stack(rows) if rows else np.zeros((0, self.size), np.float32)
        for block in self.blocks.values():
            vectors[:, block] /= np.linalg.norm(vectors[:, block], axis=1, keepdims=True) * np.sqrt(2)
        return vectors.astype(np.float32)


def reader() -> PhotoReader:
    return PhotoReader([Thumbnails(), ColourEncoder()])


def drawn(item_id: str, *, ground: str = "white", x: float = 60, y: float = 60, size: float = 34) -> Image.Image:
    colour, _, shape = item_id.partition("-")
    photo = Image.new("RGB", (120, 120), ground)
    draw = ImageDraw.Draw(photo)
    if shape == "disc":
        draw.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    elif shape == "square":
        draw.rectangle((x - size, y - size, x + size, y + size), fill=colour)
    else:
        draw.rectangle((x - size / 3, y - size * 1.3, x + size / 3, y + size * 1.3), fill=colour)
    return photo


def pictures() -> list[Image.Image | None]:
    return [drawn(item_id) for item_id in IDS]


def snaps(each: int, seed: int, ids: Sequence[str] = tuple(IDS)) -> tuple[list[Image.Image], list[str]]:
    """Photos with other light, grounds and places, and what they show."""
    random = np.random.default_rng(seed)
    photos, labels = [], []
    for item_id in ids:
        for _ in range(each):
            grey = int(random.integers(60, 200))
            x, y = (60 + random.normal(0, 5, 2)).tolist()
            photo = drawn(item_id, ground=f"#{grey:02x}{grey:02x}{grey:02x}", x=x, y=y, size=random.uniform(26, 40))
            noise = random.normal(0, 12, (120, 120, 3)) + random.normal(0, 12)
            photos.append(Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8)))
            labels.append(item_id)
    return photos, labels
