"""Which listings are one product, by their words, facts and photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from shoplens.apps.attributes.duplicates import MOST_KINDS, Looks, duplicates
from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.schema import ShopSchema
from shoplens.domain.catalogue import Product

CAP = Product(
    item_id="cap",
    title="Harbour cap",
    brand="Nordwind",
    category=("Wear", "Caps"),
    price=Decimal(20),
    currency="EUR",
    attributes={"colour": ("red",)},
)


def listed(number: int, product: Product = CAP) -> list[Product]:
    """The product under so many ids."""
    return [replace(product, item_id=f"{product.item_id}-{row}") for row in range(number)]


def found(products: Sequence[Product], looks: Looks | None = None) -> dict[int, int]:
    """Row → the row it repeats, without any text vector."""
    normaliser = Normaliser(ShopSchema.of(products))
    return {one.row: one.other for one in duplicates(products, [], looks or Looks(), normaliser)}


@pytest.mark.parametrize("many", [2, 5, 300])
def test_identical_listings_are_found_however_many(many: int) -> None:
    assert found(listed(many)) == dict.fromkeys(range(1, many), 0)


def test_they_may_be_in_other_categories_letters_and_spaces() -> None:
    other = replace(CAP, item_id="other", title=" HARBOUR  cap", brand="nordwind", category=("Outlet",))
    assert found([CAP, other]) == {1: 0}


@pytest.mark.parametrize(
    "changes",
    [
        {"attributes": {"colour": ("blue",)}},
        {"brand": "Kestrel"},
        {"price": Decimal(30)},
        {"title": "Harbour caps"},
        {"group_id": "g"},
        {"gtin": "4006381333931"},
        {"mpn": "B"},
    ],
)
def test_what_differs_is_another_product(changes: dict[str, object]) -> None:
    one = replace(CAP, group_id="g", gtin="96385074", mpn="A")
    same: dict[str, object] = {"item_id": "other", "group_id": None, "gtin": None}
    assert found([one, replace(one, **same)]) == {1: 0}  # type: ignore[arg-type]
    assert found([one, replace(one, **{**same, **changes})]) == {}  # type: ignore[arg-type]


def test_nothing_but_a_title_in_common_is_not_enough() -> None:
    bare = Product(item_id="bare", title="Gift card")
    assert found(listed(6, bare)) == {}


def test_variants_are_told_apart_and_each_listed_twice_is_found() -> None:
    colours = ("red", "blue", "green")
    variants = [replace(CAP, item_id=colour, attributes={"colour": (colour,)}) for colour in colours]
    again = [replace(one, item_id=f"{one.item_id}-again") for one in variants]
    assert found([*variants, *again]) == {3: 0, 4: 1, 5: 2}
    assert found([replace(one, group_id="g") for one in [*variants, *again]]) == {}


def test_a_title_of_many_products_names_a_kind() -> None:
    sizes = [replace(CAP, item_id=str(size), attributes={"size": (str(size),)}) for size in range(MOST_KINDS + 1)]
    products = [*sizes, *sizes]
    assert found(products) == {}
    same = Looks([[0, len(sizes)]], frozenset(range(len(products))))
    assert found(products, same) == {len(sizes): 0}, "but for those whose photos look the same"


def test_other_photos_rule_it_out_and_unknown_ones_do_not() -> None:
    products = listed(3, replace(CAP, images=("a.png",)))
    assert found(products) == {1: 0, 2: 0}
    assert found(products, Looks([[0, 2]], frozenset({0, 1, 2}))) == {2: 0}
    assert found(products, Looks([], frozenset({0, 1}))) == {2: 0}


@pytest.mark.parametrize(
    ("title", "repeats"),
    [
        ("Harbour red caps Original", True),
        ("Harbour's red cap", True),
        ("Harbour blue red cap", False),  # a colour
        ("Harbour red cap Sukoi", False),  # a word of one brand only: a model
        ("Harbour red cap 2", False),
        ("Harbour red Original new good cap", False),  # too much
    ],
)
def test_one_photo_and_a_word_more_that_says_nothing(title: str, repeats: bool) -> None:
    said = replace(CAP, title="Harbour red cap")
    others = [replace(CAP, item_id=brand, brand=brand, title=f"{brand} Original new good hat") for brand in "abcd"]
    products = [said, replace(said, item_id="again", title=title), *others]
    assert found(products, Looks([[0, 1]], frozenset({0, 1}))) == ({1: 0} if repeats else {})
    assert found(products) == {}, "without a photo that says too little"


def test_many_kinds_of_many_titles_are_bounded_work() -> None:
    products = [
        replace(CAP, item_id=str(row), title=f"cap {row % 3}", attributes={"colour": (str(row),)})
        for row in range(30_000)
    ]
    assert found(products) == {}, "10,000 of a title against each other would be an hour"
