"""What is found, and said, when nothing was found as it was asked."""

from __future__ import annotations

import pytest
from found_products import products

from shoplens.features.align.glosses import glossary
from shoplens.recommend.filters import parse_filter
from shoplens.testing.searched_shop import SearchedShop
from shoplens.testing.varied_shop import varied_shop


@pytest.fixture(scope="module")
def shop() -> SearchedShop:
    return SearchedShop(varied_shop(), glossary=glossary)


def test_constraints_that_leave_nothing_are_given_up_the_least_firm_first(shop: SearchedShop) -> None:
    found = shop.search("red dress under 5", group=False)
    assert found.rescued == "Nothing fits “under 5”; these products do without it."
    assert {one.attributes["color"] for one in products(found)} == {("Red",)}
    assert [one.id for one in found.understood] == ["category=fashion > women > dresses", "attributes.color=red"]
    chinese = shop.search("5元以下的红色连衣裙", language="zh")
    assert chinese.rescued == "没有符合“5元以下”的商品，以下是去掉这一条件的结果。"
    several = shop.search("silk nike shirt size 42 under 5", group=False)
    assert several.items
    assert several.rescued is not None


def test_the_shoppers_own_filter_is_never_given_up(shop: SearchedShop) -> None:
    found = shop.search("dress", filter=parse_filter({"field": "price", "range": {"lt": 1}}))
    assert found.items == ()
    assert found.total == 0
    assert found.note == "No product fits the filter."
    assert found.rescued is None


def test_another_spelling_is_searched_for_or_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = SearchedShop(varied_shop())
    monkeypatch.setattr(shop.words, "correct", lambda query: "red dress" if query.text.startswith("qwrt") else None)
    found = shop.search("qwrtplkjh", group=False)
    assert found.corrected_from == "qwrtplkjh"
    assert found.rescued == "Nothing was found for “qwrtplkjh”; these are results for “red dress”."
    assert found.understood[0].id == "category=fashion > women > dresses"
    assert found.total == 3
    assert shop.search("qwrtplkjh", typos=False).items == ()
    assert shop.search("qwrtplkjh", prefix=True).items == ()
    monkeypatch.setattr(shop.words, "correct", lambda query: "organic tea")
    some = shop.search("organic qwrtplkjh")
    assert some.did_you_mean == "organic tea"
    assert some.corrected_from is None


def test_nothing_at_all_is_said(shop: SearchedShop) -> None:
    found = shop.search("qwrtplkjh zxvbnm")
    assert found.items == ()
    assert found.total == 0
    assert found.note == "Nothing was found. Try other words or fewer of them."
    assert found.cursor is None
    assert shop.search("qwrtplkjh", language="zh").note == "没有找到商品，请换个说法或减少词语。"


@pytest.mark.parametrize("text", ["size M", "M码", "red size M", "size M under 20", "memory 8 GB", "color red"])
def test_words_that_were_understood_are_not_missing(shop: SearchedShop, text: str) -> None:
    found = shop.search(text, group=False, n=1000)
    assert found.items
    assert found.rescued is None
    for one in found.understood:
        assert shop.facts.mask(one.filter)[shop.facts.row(found.items[0].item_id)], one.id


@pytest.mark.parametrize("text", ["zzz size M", "size L", "size XS dress", "memory 8 GB red"])
def test_words_that_no_product_has_are_still_missing(shop: SearchedShop, text: str) -> None:
    found = shop.search(text, group=False)
    assert found.items
    assert found.rescued == "No product has all of these words; these have some of them."


def test_a_shop_without_products_says_so() -> None:
    empty = SearchedShop([])
    for asked in ({"text": "tea"}, {}, {"text": "tea", "filter": parse_filter({"field": "brand", "eq": "Nike"})}):
        assert empty.search(**asked).note == "This shop has no products yet."
    assert empty.search("茶", language="zh").note == "本店还没有商品。"
    empty.upsert(varied_shop()[0])
    assert empty.search("zzqqxx").note == "Nothing was found. Try other words or fewer of them."


def test_missing_words_are_said(shop: SearchedShop) -> None:
    found = shop.search("organic qwrtplkjh zxvbnmpl mnbvcxzqw")
    assert found.items
    assert found.rescued == "No product has all of these words; these have some of them."


def test_constraints_answer_alone_when_their_other_words_find_nothing(shop: SearchedShop) -> None:
    found = shop.search("紫外线红色连衣裙", language="zh", group=False)
    assert found.rescued is not None
    assert {one.category[-1] for one in products(found)} == {"Dresses"}
