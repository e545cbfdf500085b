"""A small shop of shoes and drinks whose attributes are known, with planted mistakes for the checks to find."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from shoplens.domain.catalogue import Product

COLOURS = ("red", "navy blue", "black", "green")
MATERIALS = ("leather", "canvas", "suede")
BRANDS = ("Nordwind", "Kestrel", "Bluebird")
SHOES, DRINKS = ("Fashion", "Shoes"), ("Grocery", "Drinks")
#: item_id of each planted mistake.
LACKS_COLOUR, SAYS_OTHERWISE, MISSPELT, MISPLACED, TWICE, DEAR, LACKS_SIZE = (
    "lacks-colour", "says-otherwise", "misspelt", "misplaced", "twice", "dear", "lacks-size",
)  # fmt: skip


def described_shop(*, shoes: int = 96, drinks: int = 72, seed: int = 0) -> list[Product]:
    """Products in an order that is always the same; the mistakes come last."""
    random = np.random.default_rng(seed)
    products = []
    for number in range(shoes):
        colour, material, brand = COLOURS[number % 4], MATERIALS[number % 3], BRANDS[number // 2 % 3]
        products.append(
            Product(
                item_id=f"s{number:03}",
                title=f"{brand} {colour} {material} sneaker {int(random.integers(100, 999))}",
                brand=brand,
                category=SHOES,
                price=Decimal(40 + number % 20),
                currency="EUR",
                attributes={"colour": (colour,), "material": (material,)},
            )
        )
    for number in range(drinks):
        size = ("250 ml", "500 ml", "1 l")[number % 3]
        products.append(
            Product(
                item_id=f"d{number:03}",
                title=f"{('Apple', 'Orange', 'Oat')[number // 3 % 3]} drink {size}",
                category=DRINKS,
                price=Decimal(2) + Decimal(number % 3) / 2 + Decimal(number % 5) / 10,
                currency="EUR",
                attributes={"package_size": (size,)},
            )
        )
    return [*products, *_mistakes(products[0])]


def _mistakes(shoe: Product) -> list[Product]:
    plain = replace(shoe, item_id=LACKS_COLOUR, title="Kestrel green suede sneaker 41", brand="Kestrel", gtin=None)
    return [
        replace(plain, attributes={"material": ("suede",)}),
        replace(
            plain,
            item_id=SAYS_OTHERWISE,
            title="Kestrel black suede sneaker 77",
            attributes={"colour": ("red",), "material": ("suede",)},
        ),
        replace(plain, item_id=MISSPELT, brand="Bluebirrd", title="Bluebirrd red canvas sneaker 12",
                attributes={"colour": ("red",), "material": ("canvas",)}),
        replace(plain, item_id=MISPLACED, title="Apple drink 750 ml", brand=None, category=SHOES, attributes={},
                price=Decimal(45)),
        replace(plain, item_id=TWICE, title="Nordwind sneaker", brand="Nordwind", gtin="4006381333931",
                attributes={"colour": ("black",), "material": ("suede",)}),
        replace(plain, item_id=f"{TWICE}-again", title="Nordwind sneaker black", brand="Nordwind",
                gtin="4006381333931", attributes={"colour": ("black",), "material": ("suede",)}),
        Product(item_id=DEAR, title="Orange drink 500 ml", category=DRINKS, price=Decimal(290), currency="EUR",
                attributes={"package_size": ("500 ml",)}),
        Product(item_id=LACKS_SIZE, title="Oat drink 0,5 L", category=DRINKS, price=Decimal(3), currency="EUR"),
    ]  # fmt: skip
