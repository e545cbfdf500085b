"""Which text may contradict an attribute, and which may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shoplens.apps.attributes.contradictions import Contradiction, contradictions
from shoplens.apps.attributes.found import Source
from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.reading import TextReader, texts_of
from shoplens.apps.attributes.reliability import Reliability
from shoplens.apps.attributes.schema import ShopSchema
from shoplens.apps.attributes.written import Written
from shoplens.domain.catalogue import Product
from shoplens.features.found_text import FoundText
from shoplens.testing.described_shop import SHOES, described_shop

SHOE = Product(
    item_id="x", title="Nordwind sneaker", category=SHOES, attributes={"colour": ("black",), "material": ("suede",)}
)


@pytest.fixture(scope="module")
def reader() -> tuple[TextReader, ShopSchema, Normaliser]:
    schema = ShopSchema.of(described_shop())
    reliability = Reliability()
    for attribute in ("colour", "material"):
        for _ in range(60):
            reliability.count(Source.DICTIONARY, attribute, right=True)
    normaliser = Normaliser(schema)
    return TextReader(schema, normaliser, reliability), schema, normaliser


def found(reader: tuple[TextReader, ShopSchema, Normaliser], product: Product, ocr: str = "") -> list[Contradiction]:
    read, schema, normaliser = reader
    written = Written([FoundText(ocr, "photo.jpg", confidence=0.95)])
    said = [written.placed(one) for one in read.read(texts_of(product, written.text), product.category)]
    return contradictions(product, said, (), schema, normaliser)


def test_a_title_is_believed_before_other_texts(reader: tuple[TextReader, ShopSchema, Normaliser]) -> None:
    sure = {}
    for field in ("title", "highlights", "description", "ocr"):
        shoe = {
            "title": replace(SHOE, title="Nordwind red sneaker"),
            "highlights": replace(
                SHOE, attributes={**SHOE.attributes, "product_highlight": ("Red all over", "Washable")}
            ),
            "description": replace(SHOE, description="A comfortable red sneaker."),
            "ocr": SHOE,
        }[field]
        (one,) = found(reader, shoe, "RED" if field == "ocr" else "")
        assert (one.attribute, one.current, one.found.value, one.found.field) == ("colour", ("black",), "red", field)
        sure[field] = one.confidence
    assert sorted(sure, key=lambda field: -sure[field]) == ["title", "highlights", "description", "ocr"]


@pytest.mark.parametrize(
    ("title", "description"),
    [
        ("Nordwind sneaker", "Not red, and no green either."),
        ("Nordwind sneaker", "Also available in red."),
        ("Nordwind sneaker", "另有红色可选"),
        ("Nordwind sneaker", "Black with red laces"),  # says what the attribute says
        ("Nordwind sneaker", "Red laces on green ground"),  # which of them?
        ("Nordwind black sneaker", "Laces in red"),  # the title is heard first
    ],
)
def test_what_is_no_contradiction(
    reader: tuple[TextReader, ShopSchema, Normaliser], title: str, description: str
) -> None:
    assert found(reader, replace(SHOE, title=title, description=description)) == []


def test_a_description_that_agrees_makes_a_title_less_sure(
    reader: tuple[TextReader, ShopSchema, Normaliser],
) -> None:
    against = replace(SHOE, title="Nordwind red sneaker")
    (alone,) = found(reader, against)
    (doubted,) = found(reader, replace(against, description="Black suede."))
    assert 0 < doubted.confidence < alone.confidence


def test_a_brand_that_is_misspelt_is_no_contradiction() -> None:
    schema = ShopSchema.of(described_shop())
    normaliser, reliability = Normaliser(schema), Reliability()
    for _ in range(60):
        reliability.count(Source.DICTIONARY, "brand", right=True)
    product = replace(SHOE, title="Bluebird sneaker", brand="Bluebirrd")
    said = TextReader(schema, normaliser, reliability).read(texts_of(product), SHOES)
    assert contradictions(product, said, (), schema, normaliser) == []
    other = replace(product, brand="Kestrel")
    assert [one.attribute for one in contradictions(other, said, (), schema, normaliser)] == ["brand"]
