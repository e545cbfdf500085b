from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.catalogue import Product
from shoplens.features.attributes import AttributeSpace, product_tokens, split_attributes


def product(item_id: str, *path: str, brand: str | None = None, price: str | None = None, **facts: str) -> Product:
    return Product(
        item_id=item_id, category=path, brand=brand, price=Decimal(price) if price else None, currency="EUR",
        attributes={name: (value,) for name, value in facts.items()},
    )  # fmt: skip


SHELF = [
    product("a", "Toys", "Puzzles", brand="Acme", price="10", colour="red"),
    product("b", "Toys", "Puzzles", brand="acme ", price="11", colour="Red"),
    product("c", "Toys", "Dolls", brand="Bolt", price="40", colour="blue"),
    product("d", "Food", "Tea", brand="Leaf", price="3"),
    product("e"),
]


def test_tokens_name_every_depth_and_ignore_case() -> None:
    assert product_tokens(SHELF[1]) == ["category:toys", "category:toys>puzzles", "brand:acme", "colour=red"]
    assert product_tokens(SHELF[4]) == []


def test_like_products_are_near() -> None:
    modality = AttributeSpace.fit(SHELF).modality(SHELF)
    similarity = modality.values @ modality.values.T
    assert modality.present.tolist() == [True, True, True, True, False]
    assert similarity[0, 1] > 0.6 > similarity[0, 2] > similarity[0, 3]
    assert np.allclose(np.linalg.norm(modality.values[:4], axis=1), 1, atol=1e-5)
    assert not modality.values[4].any()


def test_price_bands_are_those_of_the_currency() -> None:
    shelf = [product(str(i), price=str(i)) for i in range(1, 101)]
    space = AttributeSpace.fit(shelf)
    bands = [space.tokens(one)[0] for one in shelf]
    assert len(set(bands)) == 10
    assert bands == sorted(bands)
    assert max(bands.count(band) for band in set(bands)) <= 12
    assert space.tokens(Product(item_id="x", price=Decimal(5), currency="JPY")) == []


def test_columns_are_exact_while_they_suffice() -> None:
    tokens = [[f"t{i}", f"t{i + 1}"] for i in range(100)]
    exact = AttributeSpace.fit_tokens(tokens, size=101).token_modality(tokens)
    overlap = exact.values @ exact.values.T
    assert np.all(overlap[np.abs(np.subtract.outer(np.arange(100), np.arange(100))) > 1] == 0)


def test_many_tokens_share_columns_and_stay_apart() -> None:
    random = np.random.default_rng(0)
    tokens = [[f"t{i}" for i in random.integers(0, 5000, 12)] for _ in range(300)]
    modality = AttributeSpace.fit_tokens(tokens, size=256).token_modality(tokens)
    overlap = modality.values @ modality.values.T
    assert np.abs(overlap[~np.eye(300, dtype=bool)]).mean() < 0.1
    assert np.allclose(np.diag(overlap), 1, atol=1e-5)


def test_new_products_and_unknown_tokens_have_a_place(tmp_path: Path) -> None:
    space = AttributeSpace.fit(SHELF)
    space.save(tmp_path / "space.json")
    again = AttributeSpace.load(tmp_path / "space.json")
    new = [product("n", "Toys", "Trains", brand="Newcomer", price="12")]
    assert again == space
    assert np.array_equal(again.modality(new).values, space.modality(new).values)
    assert space.modality(new).values[0] @ space.modality(SHELF).values[0] > 0.1
    assert AttributeSpace.fit_tokens([["a"]], size=1).token_modality([["b"]]).values.shape == (1, 1)


def test_a_catalogue_without_facts() -> None:
    empty = AttributeSpace.fit([Product(item_id="x")]).modality([Product(item_id="x")])
    assert empty.values.shape == (1, 512)
    assert not empty.present.any()
    assert AttributeSpace.fit([]).modality([]).values.shape == (0, 512)


def test_joined_attributes_are_split() -> None:
    assert split_attributes("1|2| 3 ||") == ["1", "2", "3"]
    assert split_attributes("") == []


@given(st.lists(st.lists(st.text(max_size=5), max_size=6), max_size=20), st.integers(1, 40))
def test_rows_are_unit_or_zero(tokens: list[list[str]], size: int) -> None:
    modality = AttributeSpace.fit_tokens(tokens, size=size).token_modality(tokens)
    lengths = np.linalg.norm(modality.values, axis=1)
    assert modality.values.shape == (len(tokens), size)
    assert np.all((np.abs(lengths - 1) < 1e-4) | (lengths == 0))
    assert modality.present.tolist() == [bool(own) for own in tokens]
