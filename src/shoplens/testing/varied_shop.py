"""A small made-up shop of clothes, food and electronics, for tests of search: some of its words mean several things.

"Apple" is a brand and a juice, "red" a colour and a wine; a phone case is no phone, a shoe rack no shoe.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

from shoplens.domain.catalogue import Availability, Product

COLOURS = ("Red", "Blue", "Navy Blue", "Black", "White", "Green")
BRANDS = ("Nike", "Orion", "Apple", "优衣库", "Lee Cooper", "HM")
GARMENTS = (
    ("Dresses", "Women", "dress"),
    ("Shirts", "Men", "shirt"),
    ("Shoes", "Women", "shoes"),
    ("Shoes", "Men", "shoes"),
)
DRINKS = ("black tea", "green tea", "apple juice", "orange juice", "red wine", "white wine")
START = datetime(2026, 1, 1, tzinfo=UTC)


def varied_shop() -> list[Product]:
    """192 products; garments of one kind, brand and material are variants of one another (`group_id`), and every
    seventeenth product is out of stock. Garments have colour, size, gender and material; food has none of them."""
    goods: list[Product] = []
    for number, ((kind, gender, noun), colour, size) in enumerate(product(GARMENTS, COLOURS, ("S", "M", "XL"))):
        brand, material = BRANDS[number % len(BRANDS)], ("Cotton", "Leather", "Silk")[number % 3]
        attributes = {
            "color": colour,
            "size": str(38 + number % 6) if kind == "Shoes" else size,
            "gender": gender,
            "material": material,
        }
        title = f"{brand} {colour.lower()} {noun}"
        group = f"{kind} {gender} {brand}"
        goods.append(_product(len(goods), title, ("Fashion", gender, kind), 10 + number % 90, brand, attributes, group))
    for number, drink in enumerate(DRINKS * 8):
        category = ("Food", drink.split()[-1].title())
        volume = {"volume": ("500 ml", "250 ml", "1 l")[number % 3]}
        goods.append(_product(len(goods), f"organic {drink}", category, 2 + number % 20, "Orion", volume))
    for number in range(24):
        memory, shade = {"memory": f"{8 * (1 + number % 4)} GB"}, {"color": COLOURS[number % 6]}
        phone, case = ("Electronics", "Phones"), ("Electronics", "Phone Cases")
        goods.append(_product(len(goods), f"Apple phone {number}", phone, 300 + 40 * number, "Apple", memory))
        goods.append(_product(len(goods), f"phone case {number}", case, 5 + number, "Orion", shade))
        goods.append(_product(len(goods), f"shoe rack {number}", ("Home", "Furniture"), 30 + number, None, {}))
    return goods


def _product(
    number: int,
    title: str,
    category: tuple[str, ...],
    price: int,
    brand: str | None,
    attributes: dict[str, str],
    group: str | None = None,
) -> Product:
    return Product(
        item_id=f"g{number:03}",
        title=title,
        description=f"{title}, number {number}.",
        brand=brand,
        category=category,
        price=Decimal(price),
        currency="EUR",
        availability=Availability.OUT_OF_STOCK if number % 17 == 16 else Availability.IN_STOCK,
        group_id=group,
        attributes={name: (value,) for name, value in attributes.items()},
        created_at=START + timedelta(hours=number),
    )
