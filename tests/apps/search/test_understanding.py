"""What queries ask for, over `varied_shop`: ids of constraints, "~" before those that only lift."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.apps.search.gathered import MOST
from shoplens.apps.search.understanding import Understands
from shoplens.domain.catalogue import Product
from shoplens.features.align.glosses import glossary
from shoplens.recommend.asking import MAX_TEXT
from shoplens.recommend.facts import CatalogueFacts
from shoplens.testing.varied_shop import varied_shop

DRESS = "category=fashion > women > dresses"
SHIRT = "category=fashion > men > shirts"
SHOES = "category=fashion > men > shoes|fashion > women > shoes"
HER_SHOES, HIS_SHOES = "category=fashion > women > shoes", "category=fashion > men > shoes"
TEA, JUICE, PHONES = "category=food > tea", "category=food > juice", "category=electronics > phones"
CASES = "category=electronics > phone cases"
RED, BLUE = "attributes.color=red", "attributes.color=blue|navy blue"

ENGLISH: tuple[tuple[str, str, str], ...] = (
    # query; constraints, with blanks between written as ";"; words that are left to search for
    ("red dress under 50", f"{DRESS};price<50;{RED}", "red dress"),
    ("dress red, cheaper than $50", f"{DRESS};price<50;{RED}", "dress red,"),
    ("dresses between 20 and 30 euro", f"{DRESS};price=20..30", "dresses"),
    ("$20-$30 dress", f"{DRESS};price=20..30", "dress"),
    ("dress at least 20 euro", f"{DRESS};price>=20", "dress"),
    ("dress about 20 euro", f"{DRESS};~price=16..24", "dress"),
    ("dress 15 dollars or less", f"{DRESS};price<=15", "dress"),
    ("dress under twenty dollars", f"{DRESS};price<20", "dress"),
    ("dress under EUR 50", f"{DRESS};price<50", "dress"),
    ("dress not cheap", DRESS, "dress not cheap"),
    ("DRESSES", DRESS, "DRESSES"),
    ("women's shoes", HER_SHOES, "women's shoes"),
    ("womens shoes", HER_SHOES, "womens shoes"),
    ("shoes for women", HER_SHOES, "shoes for women"),
    ("ladies shoes", HER_SHOES, "ladies shoes"),
    ("men's shoes size 42", f"{HIS_SHOES};attributes.size=42", "men's shoes size 42"),
    ("shoes 42", SHOES, "shoes 42"),
    ("size XL shirt", f"{SHIRT};attributes.size=xl", "size XL shirt"),
    ("XL shirt", f"{SHIRT};attributes.size=xl", "XL shirt"),
    ("M shirt", SHIRT, "M shirt"),
    ("shirt size m", f"{SHIRT};attributes.size=m", "shirt size m"),
    ("dress shirt", SHIRT, "dress shirt"),
    ("shirts and dresses", "category=fashion > men > shirts|fashion > women > dresses", "shirts and dresses"),
    ("shoe rack", f"~{SHOES}", "shoe rack"),
    ("phone case", CASES, "phone case"),
    ("phone", PHONES, "phone"),
    ("phone holder", f"~{PHONES}", "phone holder"),
    ("case for apple phone", f"~{PHONES};~brand=apple", "case for apple phone"),
    ("apple juice", JUICE, "apple juice"),
    ("apple phone", f"{PHONES};~brand=apple", "apple phone"),
    ("brand apple phone", f"{PHONES};brand=apple", "brand apple phone"),
    ("black tea", TEA, "black tea"),
    ("red wine", "~category=food > wine", "red wine"),
    ("wine", "category=food > wine", "wine"),
    ("blue shirt", f"{SHIRT};{BLUE}", "blue shirt"),
    ("navy blue shirt", f"{SHIRT};attributes.color=navy blue", "navy blue shirt"),
    ("navy shirt", f"{SHIRT};attributes.color=navy blue", "navy shirt"),
    ("red or blue shirt", f"{SHIRT};attributes.color=blue|navy blue|red", "red or blue shirt"),
    ("color: red dress", f"{DRESS};{RED}", "color: red dress"),
    ("leather shoes by nike", f"{SHOES};brand=nike;attributes.material=leather", "leather shoes by nike"),
    ("nike airmax", "brand=nike", "nike airmax"),
    ("strap for nike", "~brand=nike", "strap for nike"),
    ("nikes", "brand=nike", "nikes"),
    ("lee cooper shoes", f"{SHOES};brand=lee cooper", "lee cooper shoes"),
    ("lee-cooper shoes", f"{SHOES};brand=lee cooper", "lee-cooper shoes"),
    ("HM dress", f"{DRESS};~brand=hm", "HM dress"),
    ("dress -nike", f"brand!=nike;{DRESS}", "dress -nike"),
    ("dress not nike", f"brand!=nike;{DRESS}", "dress"),
    ("not red dress", f"attributes.color!=red;{DRESS}", "dress"),
    ("dress but not red", f"attributes.color!=red;{DRESS}", "dress"),
    ("dresses not red or blue", f"attributes.color!=blue|navy blue|red;{DRESS}", "dresses"),
    ("dress without leather", f"attributes.material!=leather;{DRESS}", "dress"),
    ("any colour other than red dress", f"attributes.color!=red;{DRESS}", "any colour dress"),
    ("in stock dress", f"{DRESS};in_stock", "dress"),
    ("500ml juice", f"{JUICE};attributes.volume=500 ml", "500ml juice"),
    ("juice 0.5 l", f"{JUICE};attributes.volume=500 ml", "juice 0.5 l"),
    ("juice over 400 ml", f"{JUICE};attributes.volume>400 ml", "juice"),
    ("phone with at least 16gb", f"{PHONES};attributes.memory>=16 gb", "phone with"),
    ("16GB phone", f"{PHONES};attributes.memory=16 gb", "16GB phone"),
    ("phone under 500 ml", f"{PHONES};attributes.volume<500 ml", "phone"),
    ("juice under 5000000 ml", f"{JUICE};attributes.volume<5000000 ml", "juice"),
    ("phone under 1234567.5 euro", f"{PHONES};price<1234567.5", "phone"),
    ("cheap dress", f"{DRESS};~price=cheap", "dress"),
    ("cotton candy", "~attributes.material=cotton", "cotton candy"),
    ('"red dress" under 20', "price<20", '"red dress"'),
    ('"red dress under 20"', "", '"red dress under 20"'),
    ("electronics", "category=electronics", "electronics"),
    ("shirts for men over 50", f"{SHIRT}", "shirts for men over 50"),
    ("yes", "", "yes"),
    ("hello world", "", "hello world"),
)

CHINESE: tuple[tuple[str, str, str], ...] = (
    ("红色连衣裙", f"{DRESS};{RED}", "红色连衣裙"),
    ("紅色連衣裙", f"{DRESS};{RED}", "红色连衣裙"),
    ("红裙子50元以下", f"{DRESS};price<=50;{RED}", "红裙子"),
    ("50元以下的红裙子", f"{DRESS};price<=50;{RED}", "红裙子"),
    ("20到30块的裙子", f"{DRESS};price=20..30", "裙子"),
    ("裙子 20-30元", f"{DRESS};price=20..30", "裙子"),
    ("不超过100元的连衣裙", f"{DRESS};price<=100", "连衣裙"),
    ("两百块以内的手机", f"{PHONES};price<=200", "手机"),
    ("一千五以下的手机", f"{PHONES};price<=1500", "手机"),
    ("100元左右的女鞋", f"{HER_SHOES};~price=80..120", "女鞋"),
    ("预算500手机", f"{PHONES};price<=500", "手机"),
    ("手机 500元以上", f"{PHONES};price>=500", "手机"),
    ("便宜的连衣裙", f"{DRESS};~price=cheap", "连衣裙"),
    ("不要红色的连衣裙", f"attributes.color!=red;{DRESS}", "连衣裙"),
    ("连衣裙 不要红色", f"attributes.color!=red;{DRESS}", "连衣裙"),
    ("除了红色和蓝色的裙子", f"attributes.color!=blue|navy blue|red;{DRESS}", "裙子"),
    ("不要nike的鞋", f"brand!=nike;{SHOES}", "鞋"),
    ("女士鞋子 42码", f"{HER_SHOES};attributes.size=42", "女士鞋子 42码"),
    ("女鞋", HER_SHOES, "女鞋"),
    ("真皮男鞋", f"{HIS_SHOES};attributes.material=leather", "真皮男鞋"),
    ("优衣库衬衫", f"{SHIRT};brand=优衣库", "优衣库衬衫"),
    ("優衣庫襯衫", f"{SHIRT};brand=优衣库", "优衣库衬衫"),
    ("xl码衬衫", f"{SHIRT};attributes.size=xl", "xl码衬衫"),
    ("藏青色衬衫", f"{SHIRT};attributes.color=navy blue", "藏青色衬衫"),
    ("蓝色衬衫 有货", f"{SHIRT};in_stock;{BLUE}", "蓝色衬衫"),
    ("我想买一件红色的连衣裙", f"{DRESS};{RED}", "我想买一件红色的连衣裙"),
    ("红茶", f"~{TEA}", "红茶"),
    ("茶", TEA, "茶"),
    ("手机壳", CASES, "手机壳"),
    ("手机", PHONES, "手机"),
    ("手机支架", f"~{PHONES}", "手机支架"),
    ("手机 16GB以上", f"{PHONES};attributes.memory>=16 gb", "手机"),
    ("果汁 500毫升", f"{JUICE};attributes.volume=500 ml", "果汁 500毫升"),
    ("颜色：红色 连衣裙", f"{DRESS};{RED}", "颜色:红色 连衣裙"),
    ("三星手机", f"{PHONES}", "三星手机"),
    ("百搭鞋", f"~{SHOES}", "百搭鞋"),
    ("丝绸衬衫", f"{SHIRT};attributes.material=silk", "丝绸衬衫"),
    ("你好", "", "你好"),
)


@pytest.fixture(scope="module")
def understands() -> Understands:
    return Understands(CatalogueFacts(varied_shop()), glossary=glossary)


def _ids(understands: Understands, query: str) -> tuple[list[str], str]:
    read = understands.read(query, understands.facts.offered())
    return sorted(f"{'' if one.strict else '~'}{one.id}" for one in read.constraints), read.text


@pytest.mark.parametrize(("query", "expected", "left"), [*ENGLISH, *CHINESE], ids=lambda text: text[:24])
def test_queries_are_understood(understands: Understands, query: str, expected: str, left: str) -> None:
    assert _ids(understands, query) == (sorted(expected.split(";")) if expected else [], left)


def test_every_constraint_is_a_filter_that_keeps_something_and_says_which_words_it_comes_from(
    understands: Understands,
) -> None:
    offered = understands.facts.offered()
    for query, _, _ in (*ENGLISH, *CHINESE):
        for one in understands.read(query, offered).constraints:
            assert understands.facts.mask(one.filter).any()
            assert one.said
            assert one.label
            assert one.field in one.id


def test_labels_speak_the_language_of_the_answer(understands: Understands) -> None:
    offered = understands.facts.offered()
    english = understands.read("red dress under 50, not nike", offered, language="en")
    chinese = understands.read("不要nike 红色连衣裙 50元以下 有货", offered, language="zh")
    assert [one.label for one in english.constraints] == [
        "brand: not Nike",
        "category: Dresses",
        "price < 50",
        "color: Red",
    ]
    assert [one.label for one in chinese.constraints] == [
        "品牌：不要Nike",
        "类别：Dresses",
        "价格 ≤ 50",
        "有货",
        "color：Red",
    ]


def test_a_constraint_that_was_taken_away_stays_away(understands: Understands) -> None:
    offered = understands.facts.offered()
    read = understands.read("red dress under 50 -nike", offered, drop=(RED, "brand!=nike"))
    assert [one.id for one in read.constraints] == [DRESS, "price<50"]
    assert read.text == "red dress"
    assert not read.whole


def test_whole_means_that_filters_say_everything(understands: Understands) -> None:
    offered = understands.facts.offered()
    for query, whole in (
        ("red dress under 50", True),
        ("show me a red dress please", True),
        ("红色的连衣裙", True),
        ("red summer dress", False),
        ("HM dress", False),
        ('"red dress"', False),
        ("", False),
    ):
        assert understands.read(query, offered).whole is whole, query


def test_an_attribute_that_few_products_have_only_lifts() -> None:
    goods = varied_shop()
    shirts = [one for one in goods if one.category[-1] == "Shirts"]
    facts = CatalogueFacts([one for one in goods if one.attributes.get("gender") != ("Men",)] + shirts[:1])
    read = Understands(facts).read("cotton", facts.offered())
    assert [(one.id, one.strict) for one in read.constraints] == [("attributes.material=cotton", False)]


def test_new_values_are_known_and_values_that_nobody_has_any_more_are_not(understands: Understands) -> None:
    goods = varied_shop()
    facts = CatalogueFacts(goods[:20])
    fresh = Understands(facts)
    assert not fresh.read("wine", facts.offered()).constraints
    facts.apply(goods)
    fresh.shop.refresh(now=time.monotonic() + 5)
    assert [one.id for one in fresh.read("wine", facts.offered()).constraints] == ["category=food > wine"]
    for one in goods:
        if one.category[-1] == "Wine":
            facts.remove(one.item_id)
    assert not fresh.read("wine", facts.offered()).constraints


def _grocery(*goods: tuple[str, str]) -> CatalogueFacts:
    """Products of a title and a category each."""
    return CatalogueFacts(
        [
            Product(item_id=f"g{k}", title=title, category=tuple(category.split(" > ")))
            for k, (title, category) in enumerate(goods)
        ]
    )


def test_a_part_of_a_name_counts_where_no_other_category_has_it_in_its_name() -> None:
    ices = ("Traditional", "Grocery > Ice Cream/Milk/Sherbets > Traditional")
    facts = _grocery(ices, ("Chocolate Milk", "Grocery > Fluid Milk > Chocolate Milk"))
    milky = "category=grocery > ice cream/milk/sherbets"
    for query in ("milk", "organic milk", "牛奶"):
        assert not Understands(facts, glossary=glossary).read(query, facts.offered()).constraints, query
    assert [one.id for one in Understands(facts).read("sherbets", facts.offered()).constraints] == [milky]
    alone = _grocery(ices)
    for query in ("milk", "牛奶"):
        assert [one.id for one in Understands(alone).read(query, alone.offered()).constraints] == [milky], query


def test_a_category_that_is_small_beside_others_of_that_name_is_not_meant() -> None:
    others = [("Organic Apples", "Produce > Organic Apples")] * 11
    facts = _grocery(("Organic", "Meat > Lamb > Organic"), ("Ground Coffee", "Grocery > Coffee"), *others)
    read = Understands(facts).read("coffee organic", facts.offered())
    assert [one.id for one in read.constraints] == ["category=grocery > coffee"]
    fewer = _grocery(("Organic", "Meat > Lamb > Organic"), *others[:10])
    read = Understands(fewer).read("organic", fewer.offered())
    assert [one.id for one in read.constraints] == ["category=meat > lamb > organic"]


def test_chinese_values_are_found_by_english_words() -> None:
    goods = [
        one.__class__(item_id=f"z{k}", title="连衣裙", category=("女装", "连衣裙"), attributes={"颜色": (colour,)})
        for k, (one, colour) in enumerate(zip(varied_shop(), ("红色", "蓝色") * 10, strict=False))
    ]
    facts = CatalogueFacts(goods)
    read = Understands(facts).read("red dress", facts.offered())
    assert {one.id for one in read.constraints} == {"category=女装 > 连衣裙", "attributes.颜色=红色"}
    assert all(one.strict for one in read.constraints)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "red",
                    "not",
                    "-",
                    "dress",
                    "under",
                    "50",
                    "€",
                    "红色",
                    "不要",
                    "和",
                    "or",
                    "size",
                    "42",
                    "码",
                    '"',
                    "元以下",
                    "的",
                ]
            ),
            st.text(max_size=6),
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_read_without_error(understands: Understands, text: str) -> None:
    read = understands.read(text, understands.facts.offered())
    assert len(read.constraints) <= MOST
    assert len({one.id for one in read.constraints}) == len(read.constraints)


@pytest.mark.parametrize(
    "text",
    [
        "红" * MAX_TEXT,
        "red " * 250,
        "not " * 250,
        "1" * MAX_TEXT,
        "under 5 " * 125,
        "-" * MAX_TEXT,
        "一" * MAX_TEXT,
        '"' * MAX_TEXT,
    ],
)
def test_long_texts_take_bounded_time(understands: Understands, text: str) -> None:
    understands.read("红色", understands.facts.offered())
    began = time.perf_counter()
    understands.read(text, understands.facts.offered())
    assert time.perf_counter() - began < 1.0
