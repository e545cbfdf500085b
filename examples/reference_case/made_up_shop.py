"""A made-up shop with a planted signal: 1000 people, 5 purchases each, products of 5 attributes with 10 values each.

Everything here is synthetic. What a person takes depends on what the product is (attributes), who the person is
(gender, age, region) and how the product looks (every person belongs to one of a few tastes that no column names). The
true utility is kept, so that a model can be compared with an oracle that knows it.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

ATTRIBUTES = {
    "colour": ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "black"),
    "pattern": ("plain", "stripes", "bars", "dots", "checks", "rings", "diagonal", "cross", "frame", "zigzag"),
    "shape": ("circle", "square", "triangle", "diamond", "pentagon", "hexagon", "star", "ellipse", "pill", "heart"),
    "material": ("cotton", "wool", "linen", "silk", "leather", "denim", "cork", "felt", "bamboo", "steel"),
    "occasion": ("office", "beach", "party", "hiking", "school", "garden", "wedding", "travel", "sport", "home"),
}
RGB = ((214, 40, 40), (247, 127, 0), (252, 200, 40), (56, 142, 60), (0, 150, 136), (30, 90, 200), (123, 44, 191),
       (240, 98, 146), (121, 85, 72), (33, 33, 33))  # fmt: skip
GENDERS, AGES, REGIONS = (
    ("f", "m"),
    ((18, 29), (30, 44), (45, 59), (60, 79)),
    ("north", "east", "south", "west", "centre"),
)
TASTES = 4  # of shapes; nobody's profile names them, only the history tells
STRENGTH = 1.4  # standard deviation of each part of the utility; the noise of a choice (Gumbel) has 1.28
DAYS, NEW_FROM, NEW_SHARE = 120, 100, 0.1  # the last tenth of the products arrives on day 100
START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MadeUpShop:
    """Codes of everything, and what was planted."""

    item_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    attributes: npt.NDArray[np.int64]  # [products, 5]
    gender: npt.NDArray[np.int64]  # [people]
    age: npt.NDArray[np.int64]  # [people], years
    region: npt.NDArray[np.int64]  # [people]
    utility: npt.NDArray[np.float32]  # [people, products], the planted truth
    purchases: tuple[tuple[int, int, datetime], ...]  # person, product, when

    @property
    def newcomers(self) -> int:
        """How many products, the last ones, arrive when the test period begins."""
        return round(len(self.item_ids) * NEW_SHARE)

    def write(self, folder: Path) -> None:
        """products.csv with photos beside it, people.csv and events.csv, as a shop would export them."""
        (folder / "photos").mkdir(parents=True, exist_ok=True)
        names = list(ATTRIBUTES)
        with (folder / "products.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(("item_id", "title", "description", "images", "price", "currency", *names))
            for row, item_id in enumerate(self.item_ids):
                photo = folder / "photos" / f"{item_id}.png"
                draw(self.attributes[row]).save(photo)
                colour, pattern, shape, material, occasion = words = self.words(row)
                title = f"{colour.capitalize()} {material} {shape}"
                text = f"A {colour} {shape} with {pattern}, made of {material}, for {occasion}. Synthetic product."
                writer.writerow((item_id, title, text, photo.resolve(), 10 + row % 40, "EUR", *words))
        with (folder / "people.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(("user_id", "gender", "age", "region"))
            for row, user_id in enumerate(self.user_ids):
                writer.writerow((user_id, GENDERS[self.gender[row]], self.age[row], REGIONS[self.region[row]]))
        with (folder / "events.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(("user_id", "item_id", "event_type", "timestamp"))
            for person, product, when in self.purchases:
                writer.writerow((self.user_ids[person], self.item_ids[product], "purchase", when.isoformat()))

    def words(self, row: int) -> list[str]:
        """Values of the five attributes of a product."""
        return [values[code] for values, code in zip(ATTRIBUTES.values(), self.attributes[row], strict=True)]


def make_shop(people: int = 1000, products: int = 300, each: int = 5, *, seed: int = 0) -> MadeUpShop:
    """Draw products, people, and what they choose: the best of what is there that day, with noise."""
    random = np.random.default_rng(seed)
    attributes = random.integers(0, 10, (products, len(ATTRIBUTES)))
    gender, region = random.integers(0, len(GENDERS), people), random.integers(0, len(REGIONS), people)
    band, taste = random.integers(0, len(AGES), people), random.integers(0, TASTES, people)
    age = np.array([int(random.integers(low, high + 1)) for low, high in (AGES[one] for one in band)])

    def likes(groups: int) -> npt.NDArray[np.float64]:
        return STRENGTH * random.standard_normal((groups, 10))

    colour, pattern, shape, material, occasion = attributes.T
    utility = likes(len(GENDERS))[gender][:, colour] + likes(len(AGES))[band][:, pattern]
    utility += likes(len(REGIONS))[region][:, material] + likes(TASTES)[taste][:, shape]
    utility += 0.5 * likes(1)[0, occasion]
    new = np.arange(products) >= products - round(products * NEW_SHARE)
    purchases = []
    for person in range(people):
        had = np.zeros(products, np.bool_)
        for moment in np.sort(random.random(each)) * DAYS:
            choice = utility[person] + random.gumbel(size=products)
            choice[had | (new & (moment < NEW_FROM))] = -np.inf
            product = int(choice.argmax())
            had[product] = True
            purchases.append((person, product, START + timedelta(days=float(moment))))
    return MadeUpShop(
        tuple(f"p{row:04}" for row in range(products)),
        tuple(f"u{row:04}" for row in range(people)),
        attributes,
        gender,
        age,
        region,
        utility.astype(np.float32),
        tuple(sorted(purchases, key=lambda one: one[2])),
    )


def draw(codes: npt.NDArray[np.int64], side: int = 160) -> Image.Image:
    """The photo of a product: its colour in its pattern, cut to its shape, on a light ground."""
    colour, pattern, shape = RGB[codes[0]], int(codes[1]), int(codes[2])
    cloth = Image.new("RGB", (side, side), colour)
    pen = ImageDraw.Draw(cloth)
    pale = (255, 255, 255)
    step = side // 8
    for k in range(-8, 16):
        a = k * step
        if pattern in (1, 4) and k % 2:
            pen.rectangle((a, 0, a + step // 2, side), fill=pale)
        if pattern in (2, 4) and k % 2:
            pen.rectangle((0, a, side, a + step // 2), fill=pale)
        if pattern == 3:
            for b in range(0, side, step):
                pen.ellipse((a, b, a + step // 2, b + step // 2), fill=pale)
        if pattern == 5 and 0 < k < 9:
            pen.ellipse((side / 2 - a / 2, side / 2 - a / 2, side / 2 + a / 2, side / 2 + a / 2), outline=pale, width=4)
        if pattern == 6:
            pen.line((a, 0, a + side, side), fill=pale, width=6)
        if pattern == 9:
            pen.line([(b, a + (step // 2 if (b // step) % 2 else 0)) for b in range(0, side + step, step)], pale, 5)
    if pattern == 7:
        pen.rectangle((0, side * 0.44, side, side * 0.56), fill=pale)
        pen.rectangle((side * 0.44, 0, side * 0.56, side), fill=pale)
    if pattern == 8:
        pen.rectangle((side * 0.25, side * 0.25, side * 0.75, side * 0.75), outline=pale, width=10)
    mask = Image.new("L", (side, side), 0)
    _cut(ImageDraw.Draw(mask), shape, side)
    photo = Image.new("RGB", (side, side), (238, 238, 232))
    photo.paste(cloth, mask=mask)
    return photo


def _cut(pen: ImageDraw.ImageDraw, shape: int, side: int) -> None:
    """Fill the shape."""
    low, high, middle = side * 0.1, side * 0.9, side / 2
    corners = {2: 3, 3: 4, 4: 5, 5: 6}
    if shape in corners:
        pen.regular_polygon((middle, middle, side * 0.42), corners[shape], rotation=0 if shape != 3 else 45, fill=255)
    elif shape == 6:
        angle = [math.pi * k / 5 - math.pi / 2 for k in range(10)]
        radius = [side * (0.44 if k % 2 == 0 else 0.18) for k in range(10)]
        points = [(middle + r * math.cos(a), middle + r * math.sin(a)) for a, r in zip(angle, radius, strict=True)]
        pen.polygon(points, fill=255)
    elif shape == 9:
        turns = np.linspace(0, 2 * math.pi, 60)
        x = 16 * np.sin(turns) ** 3
        y = 13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns)
        pen.polygon([(middle + a * side / 40, middle - b * side / 40) for a, b in zip(x, y, strict=True)], fill=255)
    elif shape == 0:
        pen.ellipse((low, low, high, high), fill=255)
    elif shape == 1:
        pen.rectangle((low, low, high, high), fill=255)
    elif shape == 7:
        pen.ellipse((low, side * 0.28, high, side * 0.72), fill=255)
    else:
        pen.rounded_rectangle((low, side * 0.3, high, side * 0.7), radius=side // 5, fill=255)
