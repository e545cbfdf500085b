"""Photos of products that a recogniser can learn from, made up: as vectors, and as pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from shoplens.learning.recognising import PhotoRows


def planted_photos(products: int, each: int, *, size: int, nuisance: float, seed: int = 0) -> PhotoRows:
    """One photo of the shop and `each` of customers a product. Photos of customers differ by `nuisance` times as much
    as products do, in a quarter of all directions, which say nothing of the product."""
    random = np.random.default_rng(seed)
    things = random.normal(size=(products, size))
    quiet = np.arange(size) < size // 4
    things[:, quiet] = 0
    product = np.repeat(np.arange(products), each + 1)
    first = np.tile(np.arange(each + 1) == 0, products)
    rows = things[product] + 0.3 * random.normal(size=(len(product), size))
    rows += np.where(first[:, None], 0, nuisance) * random.normal(size=rows.shape) * quiet * 2
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return PhotoRows(product, first, first, np.stack([rows, rows]), rows)


def held_photo(number: int, hand: int | None = None, *, side: int = 24) -> Image.Image:
    """A thing of its own colour, above what it lies on: white, or what customer `hand` has on the table."""
    picture = Image.new("RGB", (side, side), "white" if hand is None else _colour(hand + 1_000))
    picture.paste(_colour(number), (0, 0, side, side // 2))
    return picture


def _colour(seed: int) -> tuple[int, int, int]:
    red, green, blue = np.random.default_rng(seed).integers(0, 256, 3).tolist()
    return red, green, blue
