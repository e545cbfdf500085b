"""Which values say another one more closely, and which only share letters with it."""

from __future__ import annotations

import pytest

from shoplens.apps.attributes.disputes import closer
from shoplens.apps.attributes.patterns import Said, patterns_in


@pytest.mark.parametrize(
    ("general", "said"), [("blue", "Navy Blue"), ("蓝色", "深蓝色"), ("stainless steel", "brushed stainless steel")]
)
def test_more_words_are_closer(general: str, said: str) -> None:
    assert closer(general, said)
    assert not closer(said, general)


@pytest.mark.parametrize(
    ("one", "other"), [("men", "women"), ("male", "female"), ("tan", "titanium"), ("S", "XS"), ("L", "XL"), ("6", "16")]
)
def test_letters_are_no_words(one: str, other: str) -> None:
    assert not closer(one, other)
    assert not closer(other, one)


@pytest.mark.parametrize("text", ["{} pcs", "{}件", "pack of {}", "100 ml x {}", "{} x 100 ml"])
def test_no_number_is_too_long(text: str) -> None:
    assert not [one for one in patterns_in(text.format("9" * 5_000)) if one.about is Said.PACK]
