"""A catalogue of painted shapes: colours and kinds are planted, so that what must be learnt is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from shoplens.encoders.colour import ColourEncoder
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.features.align.alignment import Alignment, Photos
from shoplens.features.align.examples import Lessons
from shoplens.features.align.facets import Described
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import AlignmentReport

PAINT = {"Red": (200, 30, 40), "Navy Blue": (20, 30, 110), "Green": (30, 140, 60), "Yellow": (230, 210, 40)}
KINDS = ("Handbags", "Belts", "Caps")  # a circle, a bar, a triangle
SIDE = 24  # pixels


@dataclass(frozen=True)
class Painted:
    """What was learnt, from what, and photos that were not there."""

    lessons: Lessons
    alignment: Alignment
    report: AlignmentReport
    unseen: Lessons
    truth: npt.NDArray[np.str_]  # of the unseen: kind, colour


def new_reader() -> Reader:
    """Texts without any weights."""
    return Reader(HashedNgramEncoder(size=256), glossary=glossary())


def paint(kind: str, colour: str, random: np.random.Generator) -> Image.Image:
    """One photo: a shape somewhere on white."""
    photo = Image.new("RGB", (SIDE, SIDE), (250, 250, 250))
    pen = ImageDraw.Draw(photo)
    left, top = random.integers(1, 5, 2).tolist()
    right, bottom = SIDE - 6 + left, SIDE - 6 + top
    fill = tuple(int(value) for value in np.clip(np.array(PAINT[colour]) + random.normal(0, 12, 3), 0, 255))
    if kind == "Handbags":
        pen.ellipse((left, top, right, bottom), fill=fill)
    elif kind == "Belts":
        pen.rectangle((left, top + 7, right, bottom - 7), fill=fill)
    else:
        pen.polygon([(left, bottom), (right, bottom), ((left + right) // 2, top)], fill=fill)
    return photo


def looked_at(photos: list[Image.Image]) -> Photos:
    """What two small encoders see: grey outlines, and colours."""
    grey = np.stack([np.asarray(photo.convert("L").resize((12, 12)), np.float32).ravel() for photo in photos]) / 255
    return Photos(grey - grey.mean(1, keepdims=True), ColourEncoder().encode(photos))


def painted_shop(products: int = 360, seed: int = 0) -> tuple[Lessons, npt.NDArray[np.str_]]:
    """Lessons, and [products, 2] kind and colour of each product."""
    random = np.random.default_rng(seed)
    kinds = random.choice(KINDS, products)
    colours = random.choice(list(PAINT), products)
    photos = [paint(kind, colour, random) for kind, colour in zip(kinds, colours, strict=True)]
    titles = [
        f"{random.choice(['Zola', 'Quint', 'Marbo'])} {colour} {kind[:-1]} {random.integers(100, 999)}"
        for kind, colour in zip(kinds, colours, strict=True)
    ]
    values: list[Described] = [
        {"category 1": (str(kind),), "colour": (str(colour),), "article": (f"no {row}",)}
        for row, (kind, colour) in enumerate(zip(kinds, colours, strict=True))
    ]
    lessons = Lessons(looked_at(photos), np.ones(products, bool), titles, values)
    return lessons, np.stack([kinds, colours], axis=1)
