"""What is never inferred is recognised under many names, and what is harmless is not taken for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.sensitive import SENSITIVE_PARTS, SENSITIVE_WORDS, is_sensitive
from shoplens.errors import ConfigurationError
from shoplens.service.settings import Settings


@pytest.mark.parametrize(
    "name",
    ["religion", "Religious affiliation", "userReligion", "health_status", "ethnicity", "race", "sexualOrientation",
     "political-party", "union_member", "宗教信仰", "健康状况", "用户民族", "is_pregnant", "DISABILITY"],
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
    ],
)
def test_harmless_names(name: str) -> None:
    assert not is_sensitive(name)


@given(st.sampled_from([*SENSITIVE_WORDS, *SENSITIVE_PARTS]), st.sampled_from(["", "user_", "my-", "x."]))
def test_every_word_is_found_wherever_it_begins(word: str, before: str) -> None:
    assert is_sensitive(f"{before}{word.upper()} 7")


@pytest.mark.parametrize("given_", [{"predict": ["age", "religion"]}, {"timezone": "Nowhere/Land"}])
def test_settings_refuse(given_: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"sensitive|time zone"):
        Settings.read(None, profile=given_)
