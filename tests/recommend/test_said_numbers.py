"""Prices and measures read from words."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.recommend.number_words import amount_at
from shoplens.recommend.said_numbers import POUND, PRICE, read_ranges

NOTHING: tuple[str, float | None, float | None, str, bool] = ("", None, None, "", True)
CASES: tuple[tuple[str, str, float | None, float | None, str, bool], ...] = (
    # text; the words of the range; low; high; unit; strict
    ("dress under 50", "under 50", None, 50, PRICE, True),
    ("dress Under 50", "Under 50", None, 50, PRICE, True),
    ("dress < 50", "< 50", None, 50, PRICE, True),
    ("up to $1,000.50", "up to $1,000.50", None, 1000.5, PRICE, True),
    ("less than 9,99 €", "less than 9,99 €", None, 9.99, PRICE, True),
    ("no more than 2k", "no more than 2k", None, 2000, PRICE, True),
    ("within 30 euro", "within 30 euro", None, 30, PRICE, True),
    ("30 euro max", "30 euro max", None, 30, PRICE, True),
    ("max 30 euro", "max 30 euro", None, 30, PRICE, True),
    ("two hundred and fifty dollars or less", "two hundred and fifty dollars or less", None, 250, PRICE, True),
    ("a hundred bucks max", "a hundred bucks max", None, 100, PRICE, True),
    ("above 100", "above 100", 100, None, PRICE, True),
    ("at least £20", "at least £20", 20, None, PRICE, True),
    ("from 20 euro", "from 20 euro", 20, None, PRICE, True),
    ("20 euro and up", "20 euro and up", 20, None, PRICE, True),
    ("50€+", "50€+", 50, None, PRICE, True),
    ("between 20 and 30", "between 20 and 30", 20, 30, PRICE, True),
    ("from 30 to 20", "from 30 to 20", 20, 30, PRICE, True),
    ("$20-$30", "$20-$30", 20, 30, PRICE, True),
    ("20 - 30 usd", "20 - 30 usd", 20, 30, PRICE, True),
    ("price under 40", "price under 40", None, 40, PRICE, True),
    ("budget: 100", "budget: 100", None, 100, PRICE, True),
    ("around 50 dollars", "around 50 dollars", 40, 60, PRICE, False),
    ("20 euro gift", "20 euro", 16, 24, PRICE, False),
    ("under 50 in red", "under 50", None, 50, PRICE, True),
    ("50元以下", "50元以下", None, 50, PRICE, True),
    ("50块钱以内", "50块钱以内", None, 50, PRICE, True),
    ("不超过100元", "不超过100元", None, 100, PRICE, True),
    ("低于一百块", "低于一百块", None, 100, PRICE, True),
    ("百元以下", "百元以下", None, 100, PRICE, True),
    ("¥99以内", "¥99以内", None, 99, PRICE, True),
    ("1.5万以下", "1.5万以下", None, 15_000, PRICE, True),
    ("三百五以下", "三百五以下", None, 350, PRICE, True),
    ("两千零五十元以下", "两千零五十元以下", None, 2050, PRICE, True),
    ("预算300", "预算300", None, 300, PRICE, True),
    ("价格不超过300", "价格不超过300", None, 300, PRICE, True),
    ("100元以上", "100元以上", 100, None, PRICE, True),
    ("100元起", "100元起", 100, None, PRICE, True),
    ("20到30块", "20到30块", 20, 30, PRICE, True),
    ("20-30元", "20-30元", 20, 30, PRICE, True),
    ("二十到三十元", "二十到三十元", 20, 30, PRICE, True),
    ("价格在20到30之间", "价格在20到30之间", 20, 30, PRICE, True),
    ("200块到300块", "200块到300块", 200, 300, PRICE, True),
    ("1000左右", "1000左右", 800, 1200, PRICE, False),
    ("大约100元", "大约100元", 80, 120, PRICE, False),
    ("under 500 ml", "under 500 ml", None, 500, "ml", True),
    ("over 16GB", "over 16GB", 16, None, "gb", True),
    ("between 1 and 2 kg", "between 1 and 2 kg", 1, 2, "kg", True),
    ("55寸以上", "55寸以上", 55, None, "寸", True),
    ("不到2公斤", "不到2公斤", None, 2, "公斤", True),
    ("under 20 pounds", "under 20 pounds", None, 20, POUND, True),
)
SILENT = (
    "iphone 15 pro max 256",
    "500 ml",
    "18-55mm lens",
    "2-in-1",
    "under one roof",
    "百搭鞋",
    "三星手机",
    "两件套",
    "几百元以下",
    "100-200",
    "up to 5 stars",
    "toys for kids under 5",
    "shirts for men over 50",
    "under 30 minutes",
    "3岁以上",
    "underwear 50",
    "2020 and 2021",
    "",
)


@pytest.mark.parametrize(("text", "said", "low", "high", "unit", "strict"), CASES, ids=lambda one: str(one)[:20])
def test_ranges(text: str, said: str, low: float | None, high: float | None, unit: str, strict: bool) -> None:
    ranges = read_ranges(text)
    assert [(text[one.start : one.end], one.unit, one.strict) for one in ranges] == [(said, unit, strict)]
    assert [ranges[0].low, ranges[0].high] == [pytest.approx(low), pytest.approx(high)]


@pytest.mark.parametrize("text", SILENT)
def test_what_is_no_range(text: str) -> None:
    assert read_ranges(text) == []


def test_several_ranges_stand_apart() -> None:
    text = "laptop under 900 euro with at least 16 gb"
    assert [(one.unit, text[one.start : one.end]) for one in read_ranges(text)] == [
        (PRICE, "under 900 euro"),
        ("gb", "at least 16 gb"),
    ]


@given(st.integers(1, 999_999))
def test_numbers_read_as_written(number: int) -> None:
    for text in (str(number), f"{number:,}", f"{number}.00"):
        assert amount_at(text, 0) == (number, len(text))


@given(st.integers(1, 99_999))
def test_chinese_numerals(number: int) -> None:
    said = _chinese(number)
    assert amount_at(said, 0) == (number, len(said))


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "under ",
                    "50",
                    "€",
                    "$",
                    "-",
                    " to ",
                    "between ",
                    " and ",
                    "元",
                    "以下",
                    "到",
                    "块",
                    "+",
                    "max ",
                    "一百",
                ]
            ),
            st.text(max_size=4),
        ),
        max_size=20,
    ).map("".join)
)
def test_any_text(text: str) -> None:
    end = 0
    for one in read_ranges(text):
        assert end <= one.start < one.end <= len(text)
        assert one.low is not None or one.high is not None
        assert all(value is None or (math.isfinite(value) and value >= 0) for value in (one.low, one.high))
        assert one.low is None or one.high is None or one.low <= one.high
        end = one.end


@pytest.mark.parametrize(
    "text", ["1" * 5_000, "under " * 1_000, "一" * 5_000, "$" * 5_000, "20-" * 2_000, "hundred " * 800]
)
def test_long_texts_take_bounded_time(text: str) -> None:
    began = time.perf_counter()
    read_ranges(text)
    assert time.perf_counter() - began < 1.0


def _chinese(number: int) -> str:
    """As in a textbook: 10050 is 一万零五十."""
    if number >= 10_000:
        rest = number % 10_000
        return _chinese(number // 10_000) + "万" + (("零" if rest < 1_000 else "") + _chinese(rest) if rest else "")
    digits = "零一二三四五六七八九"
    said, gap = "", False
    for power, name in ((1_000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // power % 10
        if digit:
            said += ("零" if gap and said else "") + digits[digit] + name
            gap = False
        else:
            gap = True
    return said
