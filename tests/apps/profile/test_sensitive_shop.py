"""A shop whose products give their buyers away: tastes are found and segments named, and no sensitive word is said."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from shoplens.domain.catalogue import Product
from shoplens.domain.sensitive import gives_away
from shoplens.testing.profile_shop import TASTES, open_profile_shop

NOW = int(time.time() * 1e6)
#: Taste → what its people buy: a category, a brand, a value, the name of an attribute.
WORDS = {
    "en": {
        "tea": ("Halal", "Kosher Kitchen", "for diabetics", "maternity"),
        "tools": ("Wheelchairs & Mobility Aids", "Deaf World", "HIV tests", "disability"),
        "toys": ("Sex Toys", "Gay Pride", "lesbian", "sexual orientation"),
        "garden": ("Political Campaigns", "Trade Union Shop", "Hispanic", "ethnicity"),
    },
    "zh": {
        "tea": ("清真食品", "佛教用品", "糖尿病食品", "孕妇适用"),
        "tools": ("輪椅", "助听器之家", "艾滋检测", "残疾辅助"),
        "toys": ("成人用品", "情趣用品店", "同性恋", "性取向"),
        "garden": ("政治宣传", "工会专供", "少数民族", "民族"),
    },
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_sensitive_is_said_of_people_or_segments(tmp_path: Path, language: str) -> None:
    def sensitive(number: int, product: Product) -> Product:
        category, brand, value, name = WORDS[language][TASTES[number % 4]]
        return replace(
            product,
            category=("shop", TASTES[number % 4], category, f"{category} {number // 4 % 2}"),
            brand=brand,
            attributes={**product.attributes, "Suited": (value,), name: ("yes",), "Size": (f"{number % 4}",)},
        )

    with open_profile_shop(tmp_path, now=NOW, change=sensitive) as shop:
        segments = shop.profiles.segments(shop.shelf)
        people = list(shop.profiles.every(shop.shelf, language=language))
    assert len(segments) >= 3
    assert any(taste in one.names["en"] for one in segments for taste in TASTES), "ordinary words still name them"
    said = {name for one in segments for name in one.names.values()}
    said |= {value for one in segments for _, value, _ in one.traits}
    assert any(one.affinities for one in people)
    assert any(one.next_categories for one in people)
    for one in people:
        said |= {sentence.text for sentence in one.summary} | {affinity.value for affinity in one.affinities}
        said |= {affinity.field for affinity in one.affinities} | {guess.category for guess in one.next_categories}
    assert not [text for text in said if gives_away(text)]
    told = "\n".join(said).casefold()
    assert not [word for words in WORDS[language].values() for word in words if word.casefold() in told]
