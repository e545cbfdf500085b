"""What the shop pins, hides, boosts and buries, in answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from found_products import ids, products

from shoplens.apps.search.curation import Curation
from shoplens.apps.search.curation_rules import read_rules
from shoplens.domain.catalogue import Availability
from shoplens.recommend.asking import Sort
from shoplens.recommend.filters import parse_filter
from shoplens.testing.searched_shop import SearchedShop
from shoplens.testing.varied_shop import varied_shop


def _curated(tmp_path: Path, rules: str) -> SearchedShop:
    path = tmp_path / "curation.toml"
    path.write_text(rules, encoding="utf-8")
    return SearchedShop(varied_shop(), curation=Curation(read_rules(path)))


def test_pins_stand_where_they_were_put_on_every_page(tmp_path: Path) -> None:
    shop = _curated(
        tmp_path,
        '[[rule]]\nquery = "dress"\npin = ["g100", { item = "g103", place = 5 }, { item = "g999", place = 2 }, '
        '{ item = "g102", place = 900 }]\n',
    )
    plain = ids(SearchedShop(varied_shop()).search("dress", n=1000, group=False))
    found = shop.search("dress", n=1000, group=False)
    ranking = ids(found)
    assert (ranking[0], ranking[4], ranking[-1]) == ("g100", "g103", "g102")
    assert [name for name in ranking if name not in ("g100", "g103", "g102")] == plain
    assert found.total == len(plain) + 3
    assert set(found.pinned) == {"g100", "g103", "g102"}
    cursor, pages = None, []
    while True:
        page = shop.search("dress", n=4, group=False, cursor=cursor)
        pages += ids(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == ranking
    assert ids(shop.search("dress", n=4, page=2, group=False)) == ranking[4:8]
    by_price = shop.search("dress", sort=(Sort("price", False),), n=1000, group=False)
    assert by_price.pinned == ()
    assert "g100" not in ids(by_price)


def test_a_pinned_product_that_may_not_be_shown_is_not(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "dress"\npin = ["g016", "g100"]\n')
    assert "g016" not in ids(shop.search("dress", n=1000))  # out of stock
    assert shop.search("dress", filter=parse_filter({"field": "brand", "eq": "Nike"})).pinned == ()


@pytest.mark.parametrize(
    ("text", "options", "pinned"),
    [
        ("tea", {}, ["g100", "g072", "g073"]),  # the rule names tea: a wine may stand there
        ("tea under 5", {}, ["g072", "g073"]),
        ("5元以下的茶", {}, []),  # another query than the rule's
        ("tea", {"filter": parse_filter({"field": "price", "range": {"lt": 5}})}, ["g072", "g073"]),
        ("black tea 500 ml", {}, ["g072"]),
        ("tea -wine", {}, ["g072", "g073"]),  # "wine" is a category here
        ("tea -organic", {}, []),  # and "organic" only a word
        ("tea in stock", {}, ["g100", "g072", "g073"]),
        ("tea under 5", {"drop": ("price<5",)}, ["g100", "g072", "g073"]),
        ("tea under 5", {"understand": False}, ["g100", "g072", "g073"]),
        ("tea under 1", {}, ["g100", "g072", "g073"]),  # nothing costs so little: the limit is given up, and said to be
    ],
)
def test_a_pin_keeps_to_what_was_asked(
    tmp_path: Path, text: str, options: dict[str, object], pinned: Sequence[str]
) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "*tea*"\npin = ["g100", "g072", "g073"]\n')
    assert list(shop.search(text, **options).pinned) == pinned


def test_a_pin_that_may_be_ordered_but_not_sent_today(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "*dress*"\npin = ["g003"]\n')
    shop.upsert(replace(varied_shop()[3], availability=Availability.PREORDER))
    assert shop.search("dress").pinned == ("g003",)
    assert shop.search("dress in stock").pinned == ()
    assert shop.search("dress", filter=parse_filter({"field": "in_stock", "eq": True})).pinned == ()


def test_a_pin_of_another_kind_where_the_rule_names_the_kind(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = ["red dress*", "连衣裙*"]\npin = ["g100", "g003"]\n')
    assert shop.search("red dress").pinned == ("g100", "g003")  # a wine and a blue dress
    assert shop.search("red dress not Apple").pinned == ("g100", "g003")
    assert shop.search("red dress size M").pinned == ()
    assert shop.search("连衣裙").pinned == ("g100", "g003")


def test_a_pinned_variant_stands_for_its_group(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "nike dress"\npin = ["g006"]\n')
    found = shop.search("nike dress", n=1000)
    groups = [one.group_id for one in products(found)]
    assert ids(found)[0] == "g006"
    assert len(groups) == len(set(groups))


def test_hidden_products_are_nowhere(tmp_path: Path) -> None:
    shop = _curated(tmp_path, '[[rule]]\nquery = "*dress*"\nhide = ["g000", "g001"]\npin = ["g000"]\n')
    found = shop.search("red dress", n=1000, group=False, facets=("brand",))
    assert not {"g000", "g001"} & set(ids(found))
    assert {value.value: value.count for value in found.facets[0].values} == {"Apple": 1}


def test_boosts_lift_and_buries_sink(tmp_path: Path) -> None:
    shop = _curated(
        tmp_path,
        '[[rule]]\nquery = "dress"\nboost = [{ filter = { field = "brand", eq = "HM" }, by = 2 }]\n'
        'bury = [{ filter = { field = "brand", eq = "Nike" }, by = 2 }]\n',
    )
    brands = [one.brand for one in products(shop.search("dress", n=1000, group=False))]
    assert brands[0] == "HM"
    assert brands[-1] == "Nike"
