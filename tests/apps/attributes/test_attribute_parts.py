from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.attributes.alike import alike
from shoplens.apps.attributes.found import FoundValue, Source, joined
from shoplens.apps.attributes.nearest import reliability_by_share, votes
from shoplens.apps.attributes.normalise import ColourFamilies, Normaliser
from shoplens.apps.attributes.patterns import Said, pack_in, patterns_in
from shoplens.apps.attributes.photo import PhotoAttribute
from shoplens.apps.attributes.prices import strange_prices
from shoplens.apps.attributes.reading import TextReader
from shoplens.apps.attributes.reliability import Reliability
from shoplens.apps.attributes.schema import BRAND, Kind, ShopSchema
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError
from shoplens.features.align.lexicon import built_in
from shoplens.recommend.facts import CatalogueFacts
from shoplens.testing.described_shop import DRINKS, SHOES, described_shop


@pytest.fixture(scope="module")
def schema() -> ShopSchema:
    return ShopSchema.of(described_shop())


@pytest.mark.parametrize(
    ("text", "about", "value"),
    [
        ("Oat drink 0.5 L", Said.AMOUNT, "500 ml"),
        ("Soft drink 2 Liter bottle", Said.AMOUNT, "2 l"),
        ("苹果汁 500毫升", Said.AMOUNT, "500 ml"),
        ("rice 2公斤", Said.AMOUNT, "2 kg"),
        ("Cookies, 15 oz", Said.AMOUNT, "15 oz"),
        ("Milk 1/2 gal", Said.AMOUNT, "1/2 gal"),
        ("Cookies, 6 3/4 oz", Said.AMOUNT, "6 3/4 oz"),
        ("Beans 7-3/4 oz", Said.AMOUNT, "7 3/4 oz"),
        ("Batteries, pack of 6", Said.PACK, "6"),
        ("Toaster pastries 8 ct", Said.PACK, "8"),
        ("袜子 5双装", Said.PACK, "5"),
        ("袜子 两双装", Said.PACK, "2"),
        ("Cola, case of 24", Said.PACK, "24"),
        ("rug 120 x 80 cm", Said.EXTENT, "120 x 80 cm"),
        ("Shirt size XL", Said.SIZE, "XL"),
        ("女鞋 38码", Said.SIZE, "38"),
    ],
)
def test_patterns_are_found_in_both_languages(text: str, about: Said, value: str) -> None:
    assert (about, value) in [(one.about, one.value) for one in patterns_in(text)]


def test_a_pack_and_its_amount_are_two_things() -> None:
    found = patterns_in("Cola 6 x 330 ml")
    assert [(one.about, one.value) for one in found] == [(Said.PACK, "6"), (Said.AMOUNT, "330 ml")]


@given(st.text(max_size=60))
def test_patterns_lie_in_the_text_and_apart(text: str) -> None:
    end = 0
    for one in patterns_in(text):
        assert text[one.start : one.end] == one.said
        assert one.start >= end
        end = one.end


@pytest.mark.parametrize(
    ("title", "pieces", "others"),
    [
        ("Juice 6 x 250 ml", 6, 6),
        ("Juice 6x250ml", 6, 6),
        ("苹果汁 250毫升×6瓶", 6, 6),
        ("Juice 500 ml x 12", 12, 12),
        ("Bars 6 ct 8.4 oz", 6, 1),
        ("Rug 20 x 30 cm", 1, 1),
        ("Phone x 12", 1, 1),
        ("2024入秋新款连衣裙", 1, 1),
        ("2025入门级相机", 1, 1),
        ("抽纸 12入装", 12, 1),
        ("十二瓶装", 12, 12),
        ("二十四罐装", 24, 24),
        ("Curtain 140cm x 260", 1, 1),
        ("drill bit 6mm x 100", 1, 1),
        ("12V x 5A", 1, 1),
        ("12 Bottle Wine Rack", 1, 1),
        ("24-Can Cooler", 1, 1),
        ("24 cans cooler, holds 24 cans", 1, 1),
        ("3 in 1 can opener", 1, 1),
        ("Size 10 can opener", 1, 1),
        ("iPhone case of 2020", 1, 1),
        ("Cola 12 cans", 12, 12),
    ],
)
def test_how_many_a_pack_holds(title: str, pieces: int, others: int) -> None:
    assert (pack_in(title), pack_in(title, pieces=False)) == (pieces, others)


def test_kinds_are_read_off_the_values(schema: ShopSchema) -> None:
    assert schema.kinds["colour"] is Kind.COLOUR
    assert schema.kinds["package_size"] is Kind.MEASURE
    assert schema.kinds["material"] is Kind.CHOICE
    codes = ShopSchema.of([Product(item_id=str(n), attributes={"maker": (str(n),)}) for n in range(20)])
    assert codes.kinds["maker"] is Kind.CODE


def test_a_small_category_is_spoken_for_by_the_one_above(schema: ShopSchema) -> None:
    assert schema.speaking((*SHOES, "Sandals")) == SHOES
    assert set(schema.expected((*SHOES, "Sandals"))) == {BRAND, "colour", "material"}
    assert schema.speaking(("Unknown",)) == ()


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("navy blue", "blue"),
        ("藏青色", "blue"),
        ("Burgundy", "red"),
        ("light grey", "grey"),
        ("Bordeaux", "red"),
        ("charcoal", "grey"),
        ("深灰色", "grey"),
        ("Skin", "beige"),
        ("x", None),
    ],
)
def test_colours_have_families(name: str, family: str | None) -> None:
    assert ColourFamilies.built_in(built_in()).of(name) == family


def test_values_take_the_shops_words(schema: ShopSchema) -> None:
    normaliser = Normaliser(schema)
    assert normaliser.value("colour", "红色") == "red"
    assert normaliser.value("colour", "NAVY-BLUE") == "navy blue"
    assert normaliser.value("package_size", "0.5 L") == "500 ml"
    assert normaliser.value("material", "velvet") == "velvet"
    assert normaliser.same("colour", "navy", "navy blue")
    assert normaliser.same("package_size", "1000 ml", "1 l")
    assert not normaliser.same("colour", "red", "black")
    assert normaliser.same("package_size", "16 oz", "1 lb")
    assert normaliser.same("package_size", "1 oz", "28 g")
    assert normaliser.same("package_size", "8 in", "20.32 cm")
    assert not normaliser.same("package_size", "16 oz", "500 g")
    assert not normaliser.same("package_size", "16 fl oz", "473 ml"), "of which country?"
    assert not normaliser.same("package_size", "3/4 oz", "3.4 oz")
    assert normaliser.same("package_size", "7-3/4 oz", "7 3/4 oz")
    assert normaliser.better_spelling(BRAND, "Bluebirrd") is not None
    assert normaliser.better_spelling(BRAND, "Bluebird") is None


def test_texts_are_read_in_both_languages(schema: ShopSchema) -> None:
    reader = TextReader(schema, Normaliser(schema), Reliability())
    found = {(one.attribute, one.value) for one in reader.read({"title": "红色 皮革 Kestrel 运动鞋"}, SHOES)}
    assert {("colour", "red"), (BRAND, "Kestrel")} <= found
    assert reader.read({"title": "a red drink 500 ml"}, DRINKS)[0].value == "500 ml"
    assert not reader.read({"title": "redundant"}, SHOES), "red is no word of it"


def _coloured(*values: str) -> ShopSchema:
    shoes = [one for one in described_shop() if one.category == SHOES]
    return ShopSchema.of(
        [replace(one, attributes={"colour": (values[row % len(values)],)}) for row, one in enumerate(shoes)]
    )


@pytest.mark.parametrize(
    ("own", "said", "meant"),
    [
        (("Red", "Maroon"), "酒红色", "Maroon"),
        (("Red", "Burgundy"), "酒红色", "Burgundy"),
        (("Maroon", "Red", "Maroon", "Burgundy"), "酒红色", "Maroon"),
        (("红色", "酒红色"), "maroon", "酒红色"),
        (("红色", "酒红色", "栗色"), "maroon", "栗色"),
        (("Red", "Blue"), "酒红色", "Dark Red"),
    ],
)
def test_of_several_meanings_the_shops_own_value_counts(own: tuple[str, ...], said: str, meant: str) -> None:
    schema = _coloured(*own)
    read = TextReader(schema, Normaliser(schema), Reliability()).read({"title": f"{said} sneaker"}, SHOES)
    assert [one.value for one in read if one.attribute == "colour"] == [meant]
    assert Normaliser(schema).value("colour", said) == (meant if meant in own else said)


@pytest.mark.parametrize(
    ("title", "colour"),
    [
        ("Nivea day cream 50 ml", None),
        ("Hand Cream", None),
        ("Night Cream for men", None),
        ("Light Shade", None),
        ("Bright lamp", None),
        ("Sterling silver ring", None),
        ("Cream kurta", "cream"),
        ("Cotton shirt cream", "cream"),
        ("Cotton shirt, cream", "cream"),
        ("A bag in cream", "cream"),
        ("Shoe 42 silver", "silver"),
        ("Light blue lamp shade", "light blue"),
    ],
)
def test_what_is_sold_is_no_colour(schema: ShopSchema, title: str, colour: str | None) -> None:
    read = TextReader(schema, Normaliser(schema), Reliability()).read({"title": title}, SHOES)
    assert next((one.value for one in read if one.attribute == "colour"), None) == colour


def test_a_colour_that_the_category_has_is_read_behind_any_word() -> None:
    schema = _coloured("Silver", "Black")
    read = TextReader(schema, Normaliser(schema), Reliability()).read({"title": "Airlight Silver"}, SHOES)
    assert [one.value for one in read if one.attribute == "colour"] == ["Silver"]


def test_a_measure_in_another_unit_is_the_shops_own(schema: ShopSchema) -> None:
    read = TextReader(schema, Normaliser(schema), Reliability()).read({"title": "Oat drink 16.9 fl oz"}, DRINKS)
    assert [(one.value, one.said) for one in read] == [("500 ml", "16.9 fl oz")]
    normaliser = Normaliser(schema)
    assert normaliser.in_its_unit("package_size", "33.8 fl oz") == "1 l"
    assert normaliser.in_its_unit("package_size", "20 fl oz") is None, "the shop has no such size"
    both = Normaliser(ShopSchema.of([replace(described_shop()[0], attributes={"size": ("591 ml", "568 ml")})]))
    assert both.in_its_unit("size", "20 fl oz") is None, "of which country?"


def test_names_are_not_translated() -> None:
    products = [replace(one, brand="Classic") for one in described_shop() if one.category == SHOES]
    schema = ShopSchema.of(products)
    normaliser = Normaliser(schema)
    read = TextReader(schema, normaliser, Reliability()).read({"title": "经典红色 suede sneaker"}, SHOES)
    assert {(one.attribute, one.value) for one in read} == {("colour", "red"), ("material", "suede")}
    assert normaliser.value(BRAND, "经典") == "经典"


def test_sources_that_agree_are_surer() -> None:
    def said(source: Source, value: str, confidence: float, field: str = "") -> FoundValue:
        return FoundValue(attribute="c", value=value, source=source, confidence=confidence, field=field)

    title, again = said(Source.DICTIONARY, "red", 0.6, "title"), said(Source.MODEL, "red", 0.5, "title")
    photo, other = said(Source.PHOTO, "red", 0.5), said(Source.NEIGHBOURS, "blue", 0.7)
    best, second = joined([title, again, photo, other])
    assert (best.value, best.source) == ("red", Source.DICTIONARY)
    assert best.confidence == pytest.approx(1 - 0.4 * 0.5), "two readers of one title count once"
    assert second.value == "blue"


def test_reliability_is_what_was_measured() -> None:
    reliability = Reliability()
    assert reliability.of(Source.MODEL, "c") == 0.5
    for number in range(100):
        reliability.count(Source.MODEL, "c", right=number % 10 != 0)
    assert reliability.of(Source.MODEL, "c") == pytest.approx(0.885, abs=0.01)
    assert Reliability.from_dict(reliability.as_dict()) == reliability


def test_neighbours_vote_within_their_group() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(60, 8)).astype(np.float32)
    vectors[:, 0] = np.where(np.arange(60) % 2, 4.0, -4.0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    values = [None if row < 4 else ("odd" if row % 2 else "even") for row in range(60)]
    found = votes(vectors, ["g"] * 60, values, np.ones(60, np.bool_))
    assert {vote.row: vote.value for vote in found if not vote.held} == {0: "even", 1: "odd", 2: "even", 3: "odd"}
    right = reliability_by_share(found, values)
    assert right == sorted(right)
    assert right[-1] > 0.9
    assert votes(vectors, [str(row) for row in range(60)], values, np.ones(60, np.bool_)) == []


def test_what_photos_show_is_learnt_and_what_they_do_not_is_left() -> None:
    random = np.random.default_rng(1)
    values = [("red", "blue", "green")[row % 3] for row in range(150)]
    vectors = random.normal(size=(150, 30)).astype(np.float32)
    assert PhotoAttribute.fit("size", vectors, values) is None
    vectors[np.arange(150), np.arange(150) % 3] += 6
    fitted = PhotoAttribute.fit("colour", vectors, values)
    assert fitted is not None
    assert fitted.accuracy > 0.9
    seen = fitted.see(vectors[:9])
    assert [one.value for one in seen] == values[:9]
    assert all(0 < one.probability < 1 for one in seen)


def test_prices_are_compared_with_their_like() -> None:
    random = np.random.default_rng(2)
    prices = np.exp(random.normal(1.0, 0.2, 50))
    prices[7], prices[8] = 300.0, 0.01
    group: list[object] = ["tea"] * 50
    found = strange_prices(prices, group)
    assert {one.row for one in found} == {7, 8}
    assert found[0].low < found[0].usual < found[0].high
    assert all(one.confidence > 0.9 for one in found)
    amounts = np.full(50, 100.0)
    amounts[:25] *= np.exp(random.normal(0, 1, 25))
    assert {one.row for one in strange_prices(prices * amounts / 100, group, amounts)} == {7, 8}
    packs = np.ones(50)
    packs[40:] = 12.0
    costly = {one.row for one in strange_prices(prices * packs, group)}
    assert costly > {7, 8}
    assert {one.row for one in strange_prices(prices * packs, group, packs)} == {7, 8}, "few packs bend no line"


def test_alike_by_chosen_attributes(schema: ShopSchema) -> None:
    products = described_shop()
    found = alike(products[0], CatalogueFacts(products), ["colour", "material"], schema, Normaliser(schema), n=5)
    assert found[0].score == pytest.approx(1.0)
    assert set(found[0].shared) == {"colour", "material"}
    with pytest.raises(InputError, match="package_size"):
        alike(products[0], CatalogueFacts(products), ["package_size"], schema, Normaliser(schema))
