"""What is never inferred is recognised under many names, and what is harmless is not taken for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.sensitive import gives_away, is_sensitive
from shoplens.domain.sensitive_words import NAME_PARTS, NAME_STEMS, NAME_WORDS, ORDINARY, TEXT_PARTS, TEXT_WORDS
from shoplens.errors import ConfigurationError
from shoplens.service.settings import Settings


@pytest.mark.parametrize(
    "name",
    ["religion", "Religious affiliation", "userReligion", "health_status", "ethnicity", "race", "sexualOrientation",
     "political-party", "union_member", "宗教信仰", "健康状况", "用户民族", "is_pregnant", "DISABILITY",
     "place_of_worship", "skin_tone", "blood_type", "血型", "籍贯", "motherTongue", "partner_gender", "relig_code",
     "月经周期", "预产期", "maternity", "Halal", "kosher",
     "isKosher", "diabetic_friendly", "sex", "Sex", "孕妇适用", "清真认证", "殘疾"],
)  # fmt: skip
def test_sensitive_names(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    [
        "age",
        "gender",
        "region",
        "income",
        "household_size",
        "marital_status",
        "club",
        "trace",
        "年龄",
        "城市",
        "embrace",
        "unisex",
        "generation",
        "fertilizer_type",
        "kosher_salt",
        "性别",
    ],
)
def test_harmless_names(name: str) -> None:
    assert not is_sensitive(name)


WORDS = [word for words in TEXT_WORDS.values() for word in words]
NAMED = [*WORDS, *NAME_STEMS, *NAME_WORDS, *TEXT_PARTS, *NAME_PARTS]
AROUND = st.text(st.sampled_from("bcdkt 7,-_清单"), max_size=8)  # makes none of the words by itself


@given(st.sampled_from(NAMED), st.sampled_from(["", "user_", "my-", "x."]))
def test_every_word_is_found_wherever_it_begins(word: str, before: str) -> None:
    assert is_sensitive(f"{before}{word.upper()} 7")


@given(st.sampled_from([*WORDS, *TEXT_PARTS]), AROUND, AROUND, st.booleans())
def test_every_word_is_found_inside_a_text(word: str, before: str, after: str, upper: bool) -> None:
    text = f"{before} {word.upper() if upper else word} {after}"
    assert gives_away(text)
    assert is_sensitive(text)


@given(st.sampled_from(WORDS), st.sampled_from("bqz"))
def test_only_whole_words_are_found(word: str, letter: str) -> None:
    assert not gives_away(f"{letter}{word}{letter}".replace(" ", letter))


@pytest.mark.parametrize(
    "text",
    ["Maternity", "Halal meat", "KOSHER", "for diabetics", "Sex Toys", "Hearing aids", "Women’s Health",
     "Catholic gifts", "Hispanic foods", "Trade unions", "LGBTQ+ pride", "Prescription glasses",
     "ｗｈｅｅｌｃｈａｉｒ", "孕妇装", "清真食品", "糖尿病食品", "成人用品", "輪椅", "kosher salt, kosher"],
)  # fmt: skip
def test_texts_that_give_away(text: str) -> None:
    assert gives_away(text)


@pytest.mark.parametrize(
    "text",
    ["Essex", "Unisex", "UNISEX adult", "Kosher salt", "Christian Dior", "Party supplies", "Race bikes",
     "Union Jack mug", "Health & Beauty", "Middlesex", "Medicine ball", "General", "Aids for crafts", "Disabled",
     "Orientation: portrait", "Fertilizer", "Jewelry", "Fluffy", "Venetian blinds", "Men", "Female", "18-24", "男",
     "健康食品", "民族风", "女性向", "清单", "肤色丝袜", "哺乳动物玩具", *ORDINARY],
)  # fmt: skip
def test_ordinary_texts(text: str) -> None:
    assert not gives_away(text)


@pytest.mark.parametrize("given_", [{"predict": ["age", "religion"]}, {"timezone": "Nowhere/Land"}])
def test_settings_refuse(given_: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"sensitive|time zone"):
        Settings.read(None, profile=given_)
