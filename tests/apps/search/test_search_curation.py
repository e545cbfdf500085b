"""What the shop decides about results, read from a file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from shoplens.apps.search.curation import Curation
from shoplens.apps.search.curation_rules import read_rules, told_rule, written_rules
from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, InputError
from shoplens.recommend.filters import OneOf
from shoplens.recommend.rules import Boost
from shoplens.testing.searched_shop import SearchedShop

GOOD = """
[[rule]]
query = ["Summer Dress", "夏季连衣裙"]
pin = ["a", { item = "b", place = 5 }]
hide = ["c"]

[[rule]]
query = "*dress*"
boost = [{ filter = { field = "brand", eq = "Acme" } }]
bury = [{ filter = { field = "brand", eq = "Orion" }, by = 0.5 }]
from = 2026-06-01
until = 2026-08-31

[[rule]]
query = "*"
pin = [{ item = "a", place = 9 }]
"""
SUMMER, WINTER = date(2026, 7, 1), date(2026, 12, 1)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _opened(path: Path) -> Curation:
    return Curation(read_rules(path))


def test_rules_hold_for_their_queries_and_days(tmp_path: Path) -> None:
    curation = _opened(_written(tmp_path / "curation.toml", GOOD))
    both = curation.of("summer dresses", day=SUMMER)
    assert [(pin.place, pin.item_id) for pin in both.pins] == [(1, "a"), (5, "b")]  # the first rule about "a" counts
    assert both.hidden == {"c"}
    assert both.boosts == (
        Boost(OneOf("brand", ("acme",)), 1.0),
        Boost(OneOf("brand", ("orion",)), -0.5),
    )
    assert curation.of("summer dress", day=WINTER).boosts == ()
    assert curation.of("夏季連衣裙", day=WINTER).hidden == {"c"}
    assert curation.of("red dress", day=SUMMER).boosts == both.boosts
    assert curation.of("dressing gown", day=SUMMER).boosts == ()
    assert [(pin.place, pin.item_id) for pin in curation.of("", day=WINTER).pins] == [(9, "a")]


def test_a_pin_knows_the_words_that_its_rule_names(tmp_path: Path) -> None:
    text = '[[rule]]\nquery = ["*summer dress*", "*连衣裙*", "*tea"]\npin = ["a"]\n'
    curation = _opened(_written(tmp_path / "curation.toml", text))
    (pin,) = curation.of("red summer dresses under 50").pins
    assert [said for said in ("dress", "Summer Dresses", "red", "under 50", "tea") if pin.names(said)] == [
        "dress",
        "Summer Dresses",
    ]
    (pin,) = curation.of("红色连衣裙").pins
    assert [said for said in ("連衣裙", "红色", "summer dress") if pin.names(said)] == ["連衣裙"]


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("tea", ("tea", "TEA", "teas"), ("green tea", "teapot", "")),
        ("tea*", ("tea", "tea pot"), ("green tea", "teapot")),
        ("*tea", ("tea", "green tea"), ("tea pot",)),
        ("*tea*", ("tea", "green tea pot"), ("teapot",)),
        ("green*pot", ("green tea pot", "green pot"), ("green", "pot", "green pots of tea")),
        ("*", ("", "anything"), ()),
        ("连衣裙", ("连衣裙", "連衣裙"), ("红色连衣裙",)),
        ("*连衣裙", ("连衣裙", "红色连衣裙"), ("连衣裙红",)),
    ],
)
def test_patterns(tmp_path: Path, pattern: str, matching: tuple[str, ...], others: tuple[str, ...]) -> None:
    path = _written(tmp_path / "curation.toml", f'[[rule]]\nquery = "{pattern}"\nhide = ["x"]\n')
    curation = _opened(path)
    assert [text for text in matching if not curation.of(text).hidden] == []
    assert [text for text in others if curation.of(text).hidden] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule]\n", "this is no TOML.*line 1"),
        ("[[rules]]\n", "'rules' is not known"),
        ("rule = 3\n", r"rules stand under \[\[rule\]\]"),
        ('\n[[rule]]\nquery = "a"\n', "line 3: query: the rule does nothing"),
        ('[[rule]]\nhide = ["x"]\n', "line 1: query: expected a text"),
        (
            '[[rule]]\nquery = "a"\nhide = ["x"]\n[[rule]]\nquery = "b"\n\nhide = "x"\n',
            "line 7: hide: expected item ids",
        ),
        ('[[rule]]\nquery = "a"\nhid = ["x"]\n', "line 3: hid: not known"),
        ('[[rule]]\nquery = "a"\npin = [{ item = "x", place = 0 }]\n', "line 3: pin: expected"),
        ('[[rule]]\nquery = "a"\npin = [3]\n', "line 3: pin: expected"),
        ('[[rule]]\nquery = "a"\nboost = [{ filter = { field = "colour", eq = "red" } }]\n', "line 3: boost: .*colour"),
        ('[[rule]]\nquery = "a"\nbury = [{ filter = { field = "brand", eq = "x" }, by = -1 }]\n', "line 3: bury: by"),
        ('[[rule]]\nquery = "a"\nhide = ["x"]\nfrom = "soon"\n', "line 4: from: expected a day"),
    ],
)
def test_wrong_files_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_rules(_written(tmp_path / "curation.toml", text))


def test_a_rule_that_is_told_is_the_rule_of_the_file(tmp_path: Path) -> None:
    path = _written(tmp_path / "curation.toml", GOOD)
    told = orjson.loads(orjson.dumps(written_rules(path)))
    assert told[1]["from"] == "2026-06-01"
    assert tuple(map(told_rule, told)) == read_rules(path)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"query": "a"}, "query: the rule does nothing"),
        ({"query": "a", "hide": "x"}, "hide: expected item ids"),
        ({"query": "a", "hide": ["x"], "from": "soon"}, "from: expected a day"),
        ({"query": "a", "hide": ["x"], "until": 3}, "until: expected a day"),
        ("a", "rule: expected a table"),
    ],
)
def test_a_wrong_rule_that_is_told_is_refused_with_its_entry(told: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        told_rule(told)


def test_of_thousands_of_rules_those_about_a_query_hold_in_their_order() -> None:
    rules = [told_rule({"query": f"tea {number}", "hide": [f"i{number}"]}) for number in range(300)]
    curation = Curation(
        [*rules, told_rule({"query": "*tea*", "pin": ["b"]}), told_rule({"query": "tea 7", "pin": ["a", "b"]})]
    )
    found = curation.of("Tea 7")
    assert found.hidden == {"i7"}
    assert [(pin.place, pin.item_id) for pin in found.pins] == [(1, "a"), (1, "b")]
    curation.replace([])
    assert not curation.of("Tea 7").hidden


def test_a_rule_for_an_order_in_words_hears_what_was_typed(tmp_path: Path) -> None:
    rules = _opened(_written(tmp_path / "curation.toml", '[[rule]]\nquery = "cheapest headphones"\nhide = ["b"]\n'))
    goods = [
        Product(item_id=name, title="Headphones", category=("Audio", "Headphones"), price=Decimal(9)) for name in "ab"
    ]
    shop = SearchedShop(goods, curation=rules)
    assert [hit.item_id for hit in shop.search("cheapest headphones").items] == ["a"]
