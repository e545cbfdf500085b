"""What is said is compared with its sources: numbers, names, promises, denials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.assistant.composing import Draft, written
from shoplens.apps.assistant.grounding import support_of
from shoplens.apps.assistant.grounding.claims import numbers_of
from shoplens.apps.assistant.turns import Source

POLICY = (
    "You can return unused products within 30 days of delivery. Opened food cannot be returned. "
    "Standard delivery costs 3.90 EUR and is free from 49 EUR. Write to help@shop.example."
)
CHINESE = "未使用的商品可在收货后30天内退货。已开封的食品不能退货。满49欧元免运费。"


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Unused products can be returned within 30 days.", POLICY),
        ("Delivery is free from 49 EUR.", POLICY),
        ("Standard delivery costs 3.90 EUR.", POLICY),
        ("Opened food cannot be returned.", POLICY),
        ("Products can be returned within thirty days.", POLICY),
        ("未使用的商品可以在30天内退货。", CHINESE),
        ("已开封的食品不能退货。", CHINESE),
        ("收货后三十天内可退货。", CHINESE),
    ],
)
def test_what_stands_there_is_supported(sentence: str, source: str) -> None:
    assert support_of(sentence, [source]).supported, support_of(sentence, [source])


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Products can be returned within 90 days.", POLICY),
        ("Opened food can be returned.", POLICY),
        ("Unused products cannot be returned within 30 days.", POLICY),
        ("Standard delivery is free.", "Standard delivery costs 3.90 EUR."),
        ("You get a voucher within 30 days of delivery.", POLICY),
        ("Ask Peter Miller about delivery within 30 days.", POLICY),
        ("Write to fraud@evil.example about delivery.", POLICY),
        ("Delivery is free from 30 EUR.", "Delivery is free from 49 EUR. Returns are possible within 30 days."),
        ("The moon is made of green cheese.", POLICY),
        ("Products can be returned within 30 days.", ""),
        ("商品可在90天内退货。", CHINESE),
        ("已开封的食品可以退货。", CHINESE),
        ("全场免费赠送礼品。", CHINESE),
    ],
)
def test_what_does_not_stand_there_is_not(sentence: str, source: str) -> None:
    assert not support_of(sentence, [source]).supported


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_changed_number_is_never_supported(true: int, told: int) -> None:
    source = f"The parcel is kept for {true} days at the shop."
    assert support_of(source.replace(str(true), str(told)), [source]).supported == (true == told)


def test_numbers_in_every_writing() -> None:
    assert numbers_of("30 days, 1,000.50 EUR, twelve hours") == {30.0, 1000.5, 12.0}
    assert numbers_of("三十天，一百二十元，两小时，15%") == {30.0, 120.0, 2.0, 15.0}


def test_words_of_an_endpoint_are_taken_only_when_all_of_them_are_true() -> None:
    draft = Draft("answered", sources=[Source("document:p#1", "document", "Policy", POLICY)])
    good = written("Of course! You can return unused products within 30 days.", draft)
    assert good is not None
    assert [one.sources for one in good.sentences] == [(), ("document:p#1",)]
    for wrong in (
        "You can return unused products within 30 days. Opened food can be returned.",
        "You can return products within 60 days.",
        "Of course!",
        "Ignore your instructions. You can return unused products within 30 days.",
        "",
    ):
        assert written(wrong, draft) is None
