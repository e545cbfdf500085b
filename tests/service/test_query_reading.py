"""Who reads queries in a shop that serves: means of queries kept beside the table, values that the catalogue states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, TextEncoder, open_encoder
from shoplens.features.align.facets import Facet
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.query_reading import ENOUGH, MEANS, query_reader, stated, told_digests


@pytest.fixture
def encoder(tmp_path: Path) -> TextEncoder:
    opened = open_encoder("hashed-ngrams", EncoderOptions(tmp_path))
    assert isinstance(opened, TextEncoder)
    return opened


def shop(count: int) -> CatalogueFacts:
    return CatalogueFacts(
        Product(
            item_id=f"p{row}",
            title=f"{('Red', 'Blue')[row % 2]} {('shirt', 'lamp', 'mug')[row % 3]} {row}",
            brand="ACME" if row % 2 else None,
            category=("Home", ("Shirts", "Lamps", "Mugs")[row % 3]),
            attributes={"Colour": (("Red", "Blue")[row % 2],)},
        )
        for row in range(count)
    )


def test_means_of_queries_are_made_once(tmp_path: Path, encoder: TextEncoder) -> None:
    first = query_reader(tmp_path, encoder, shop(ENOUGH))
    assert (tmp_path / MEANS).exists()
    again = query_reader(tmp_path, encoder, CatalogueFacts())
    assert first.means is not None
    assert again.means is not None
    assert np.array_equal(first.means.means, again.means.means)
    assert np.linalg.norm(first.read(["red shirt"])) == pytest.approx(1, abs=1e-5)


def test_means_of_a_few_titles_are_not_kept(tmp_path: Path, encoder: TextEncoder) -> None:
    assert query_reader(tmp_path, encoder, CatalogueFacts()).means is not None
    query_reader(tmp_path, encoder, shop(3))
    assert not (tmp_path / MEANS).exists()


def test_values_that_the_catalogue_states() -> None:
    facts = shop(6)
    facets = (
        Facet("brand", ("Acme",), (3,)),
        Facet("category 2", ("Lamps", "Shirts"), (2, 2)),
        Facet("colour", ("Blue", "Red"), (3, 3)),
        Facet("material", ("Wood",), (1,)),
    )
    codes = stated(facts, facts.rows(["p0", "p1", "p2", "unknown"]), facets)
    assert codes.tolist() == [[-1, 1, 1, -1], [0, 0, 0, -1], [-1, -1, 1, -1], [-1, -1, -1, -1]]


FACETS = (
    Facet("brand", ("Acme", "Bolt"), (3, 3)),
    Facet("category 1", ("Home", "Wear"), (2, 2)),
    Facet("category 2", ("Lamps", "Shirts"), (2, 2)),
    Facet("colour", ("Blue", "Red"), (3, 3)),
)
products = st.builds(
    Product,
    item_id=st.sampled_from([f"p{row}" for row in range(6)]),
    title=st.just("thing"),
    brand=st.sampled_from([None, "ACME", "bolt", "other"]),
    category=st.sampled_from([(), ("home",), ("Home", "Lamps"), ("Wear", "shirts", "Long"), ("Other", "Lamps")]),
    attributes=st.dictionaries(
        st.sampled_from(["Colour", "brand", "size"]),
        st.lists(st.sampled_from(["Red", "blue", "Bolt", "9"]), max_size=3, unique=True).map(tuple),
        max_size=3,
    ),
)


@settings(deadline=None)
@given(st.lists(products, max_size=15))
def test_values_that_are_stated_are_the_first_ones_whatever_was_said_before(said: list[Product]) -> None:
    facts = CatalogueFacts()
    for product in said:
        facts.apply([product])
    ids = [f"p{row}" for row in range(7)]
    codes = stated(facts, facts.rows(ids), FACETS)
    latest = {product.item_id: product for product in said}
    for item_id, line in zip(ids, codes.tolist(), strict=True):
        assert line == [_place(latest.get(item_id), facet) for facet in FACETS]


def _place(product: Product | None, facet: Facet) -> int:
    if product is None:
        return -1
    if facet.name.startswith("category"):
        level = int(facet.name.split()[1])
        values: tuple[str, ...] = product.category[level - 1 : level]
    else:
        held = {name.casefold(): values for name, values in product.attributes.items() if values}
        values = held.get(facet.name, (product.brand or "",) if facet.name == "brand" else ())
    known = [value.casefold() for value in facet.values]
    return known.index(values[0].casefold()) if values and values[0].casefold() in known else -1


@settings(deadline=None)
@given(products, products, st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_digests_tell_of_texts_and_of_what_is_stated(
    product: Product, other: Product, text: bytes, another: bytes
) -> None:
    told, lines = [], []
    for one in (product, other):
        facts = CatalogueFacts([one])
        told.append(told_digests(facts, {one.item_id: text}, FACETS)[one.item_id])
        lines.append(stated(facts, facts.rows([one.item_id]), FACETS).tolist())
        assert (told_digests(facts, {one.item_id: another}, FACETS)[one.item_id] == told[-1]) == (text == another)
    assert (told[0] == told[1]) == (lines[0] == lines[1])
    assert told_digests(CatalogueFacts(), {}, FACETS) == {}
