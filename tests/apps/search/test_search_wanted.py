"""Of products that fit alike, the one that people want comes first; one that fits better stays first."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shoplens.domain.catalogue import Product
from shoplens.testing.searched_shop import SearchedShop


def titles(*names: str) -> list[Product]:
    return [Product(item_id=f"p{place}", title=name) for place, name in enumerate(names)]


def test_what_is_wanted_decides_between_equals() -> None:
    shop = SearchedShop(titles("Steel kettle", "Steel kettle", "Steel kettle"))
    shop.popular.update({"p1": 0.01, "p2": 1.0})
    assert [hit.item_id for hit in shop.search("kettle").items] == ["p2", "p1", "p0"]


def test_what_is_wanted_does_not_outrank_what_fits() -> None:
    shop = SearchedShop(titles("Kettle", "Kettle cosy for a large and round blue teapot of stoneware", "Saucepan"))
    shop.popular.update({"p1": 1.0, "p2": 1.0})
    assert next(hit.item_id for hit in shop.search("kettle").items) == "p0"


def test_pages_fit_together_whatever_else_is_found() -> None:
    shop = SearchedShop(titles(*["Steel kettle"] * 40))
    shop.popular.update({f"p{place}": place / 40 for place in range(40)})
    seen, cursor = [], None
    for _ in range(8):
        page = shop.search("kettle", n=5, cursor=cursor)
        seen += [hit.item_id for hit in page.items]
        cursor = page.cursor
        shop.popular["p0"] = 0.0
    assert seen == [f"p{place}" for place in reversed(range(40))]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("cheapest headphones", "p3"),
        ("the least expensive headphones", "p3"),
        ("最便宜的耳机", "p3"),
        ("most expensive headphones", "p2"),
        ("最贵的耳机", "p2"),
    ],
)
def test_the_order_that_the_words_ask_for(text: str, first: str) -> None:
    goods = [("Headphones for headphones", 199), ("Fine headphones", 39), ("Old headphones", 320), ("Headphones", 12)]
    shop = SearchedShop(
        [
            *(
                Product(item_id=f"p{n}", title=title, category=("Audio", "Headphones"), price=Decimal(price))
                for n, (title, price) in enumerate(goods)
            ),
            Product(item_id="case", title="Case for headphones", category=("Audio", "Cases"), price=Decimal(1)),
            Product(item_id="dear", title="Amplifier for headphones", category=("Audio", "Amps"), price=Decimal(999)),
        ]
    )
    found = shop.search(text)
    assert found.items[0].item_id == first
    assert found.total == len(goods)
