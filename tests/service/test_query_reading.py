"""Who reads queries in a shop that serves: means of queries kept beside the table, values that the catalogue states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, TextEncoder, open_encoder
from shoplens.features.align.facets import Facet
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.query_reading import ENOUGH, MEANS, query_reader, stated


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
