from __future__ import annotations

import pytest

from shoplens.apps.attributes.found import Source
from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.reading import TextReader
from shoplens.apps.attributes.reliability import OFTEN, Reliability
from shoplens.apps.attributes.schema import Kind, ShopSchema
from shoplens.domain.catalogue import Product

SCREWS = ("Hardware", "Screws")


@pytest.fixture(scope="module")
def schema() -> ShopSchema:
    return ShopSchema.of(
        Product(
            item_id=f"{number}",
            title=f"Indigo Works wood screw {number}",
            brand="Indigo Works",
            category=SCREWS,
            attributes={"pack": (("50", "100", "200")[number % 3],), "maker": (f"{number}",), "colour": ("black",)},
        )
        for number in range(30)
    )


def test_bare_numbers_of_packs_and_sizes_are_found_where_a_text_counts(schema: ShopSchema) -> None:
    assert (schema.kinds["pack"], schema.kinds["maker"]) == (Kind.NUMBER, Kind.CODE)
    reader = TextReader(schema, Normaliser(schema), Reliability())
    said = {"title": "Indigo Works screw 50, 4 x 30 mm, pack of 100"}
    assert [(one.attribute, one.value, one.source) for one in reader.read(said, SCREWS, "Indigo Works")] == [
        ("pack", "100", Source.PATTERN), ("brand", "Indigo Works", Source.DICTIONARY),
    ]  # fmt: skip
    colours = [one.value for one in reader.read(said, SCREWS) if one.attribute == "colour"]
    assert colours == ["indigo"], "of no brand that is known"


def test_a_word_that_is_mostly_wrong_is_believed_as_often_as_it_was_right() -> None:
    known = Reliability()
    for _ in range(20):
        known.count(Source.DICTIONARY, "material", right=True)
    usual = known.of(Source.DICTIONARY, "material")
    known.count_word("material", "wood", right=1, answers=40)
    known.count_word("material", "steel", right=38, answers=40)
    known.count_word("material", "horn", right=0, answers=OFTEN - 1)
    assert known.of_word("material", "wood") < 0.2
    assert known.of_word("material", "steel") == known.of_word("material", "horn") == usual
    assert known.of_word("colour", "wood") == known.of(Source.DICTIONARY, "colour")
    again = Reliability.from_dict(known.as_dict())
    assert again.of_word("material", "wood") == known.of_word("material", "wood")
    assert again.as_dict() == known.as_dict()
