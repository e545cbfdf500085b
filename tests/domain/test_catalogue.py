"""Products: what can be ordered, what an encoder reads."""

import pytest

from shoplens.domain.catalogue import Availability, Product


@pytest.mark.parametrize(
    ("availability", "stock", "orderable"),
    [
        (None, None, True),
        (Availability.IN_STOCK, None, True),
        (Availability.IN_STOCK, 0, False),
        (Availability.OUT_OF_STOCK, 5, False),
        (Availability.PREORDER, 0, True),
    ],
)
def test_orderable(availability: Availability | None, stock: int | None, orderable: bool) -> None:
    assert Product(item_id="1", availability=availability, stock=stock).orderable is orderable


def test_text_says_everything_once_and_no_codes() -> None:
    product = Product(
        item_id="1",
        title="Acme 绿茶 500 ml",
        brand="ACME",
        category=("Drinks", "绿茶"),
        attributes={"size": ("500 ml",), "maker": ("2091",), "origin": ("杭州", "Hangzhou"), "upsells": ("tea-pot",)},
        description="Fresh.",
    )
    assert product.text == "Acme 绿茶 500 ml. Drinks. 杭州, Hangzhou. Fresh."


def test_a_product_without_anything_has_no_text() -> None:
    assert Product(item_id="1").text == ""
