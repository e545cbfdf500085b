"""Made-up products for benchmarks of encoding: titles of the usual length, descriptions, photos. No shop's own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from shoplens.domain.catalogue import Product

BRANDS = ("Northway", "Kestrel", "Lumen & Co", "Baixing", "Orla", "Tamarind", "Hexa", "Vermeer")
COLOURS = ("red", "navy blue", "black", "off-white", "olive green", "rose gold", "grey melange", "turquoise")
KINDS = (
    "running shoes",
    "cotton shirt",
    "leather wallet",
    "wrist watch",
    "backpack",
    "desk lamp",
    "water bottle",
    "scarf",
)
MANNERS = ("men's", "women's", "kids'", "unisex", "slim fit", "waterproof", "wireless", "organic")
CHINESE = ("红色跑步鞋", "纯棉衬衫", "真皮钱包", "防水背包", "无线降噪耳机", "儿童积木", "保温水杯", "护眼台灯")
SENTENCES = (
    "Made to last, with seams that are sewn twice.",
    "Wash at thirty degrees with similar colours, and do not tumble dry.",
    "The lining is soft to the skin and dries quickly.",
    "Comes in a box of recycled cardboard, ready to be given away.",
)
CHUNK = 500  # products that are in memory at a time


def titles(count: int, seed: int) -> list[str]:
    """Titles of some 9 to 20 tokens, one in eight in Chinese; no two alike."""
    rng = np.random.default_rng(seed)
    pick = rng.integers(0, 8, (count, 5))
    return [
        f"{BRANDS[b]} {CHINESE[k]} {number}" if language == 0
        else f"{BRANDS[b]} {MANNERS[m]} {COLOURS[c]} {KINDS[k]} {number}"
        for number, (language, b, m, c, k) in enumerate(pick)
    ]  # fmt: skip


def products(count: int, seed: int, *, described: bool = True) -> Iterator[list[Product]]:
    """Products in chunks, made as they are asked for; with a description of four sentences or none."""
    description = " ".join(SENTENCES) if described else ""
    for start in range(0, count, CHUNK):
        names = titles(min(CHUNK, count - start), seed + start)
        yield [
            Product(item_id=str(start + place), title=f"{name} v{start}", description=description)
            for place, name in enumerate(names)
        ]


def photos(count: int, seed: int, *, side: int = 400) -> list[Image.Image]:
    """Decoded pictures of soft blobs of colour, RGB, side × side pixels."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 12, 12, 3), dtype=np.uint8)
    return [Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC) for one in small]
