from __future__ import annotations

import pytest

from shoplens.apps.attributes.mentions import asserted, of_brand


@pytest.mark.parametrize(
    "text",
    [
        "A cap in red.", "It is not blue. Red all over.", "Not blue but red",
        "not only red but warm", "不是蓝色，而是red",
        "Never fades. Made of red wool", "No buttons, a red zip", "red wool, machine washable", "这款是red",
        "No-fuss bag in red", "Also warm: red fleece", "Comes with a red strap", "Nonstop red",
        "Kurti red Free Size", "无袖red连衣裙", "适配华为手机壳 red",
        "Case compatible with a phone 12 Pro, red leather",
        "Also warm in winter, red fleece", "Non-stick red pan", "red, free shipping", "Goes with all jeans; red",
        "不仅有red", "不只red，也有blue",
    ],
)  # fmt: skip
def test_what_is_said_of_the_product(text: str) -> None:
    start = text.casefold().index("red", 20 if text.startswith("Never") else 0)
    assert asserted(text, start, start + 3)


@pytest.mark.parametrize(
    "text",
    [
        "This cap is not red.", "isn't red", "without red trim", "Contains no red dye", "red-free formula",
        "Also available in red.", "Available in blue, green and red", "Other colours: red", "Choose from blue or red",
        "red also available", "Goes well with red", "Pair with a red belt", "也有red", "可选 red", "不是red", "不含red",
        "blue instead of red", "neither blue nor red, but no blue or red", "不仅好看，不含red", "不仅好看，也有red可选",
    ],
)  # fmt: skip
def test_what_is_denied_or_said_of_others(text: str) -> None:
    start = text.rindex("red")
    if "red trim" in text or "red belt" in text or "red-free" in text or "red also" in text or "red dye" in text:
        start = text.index("red")
    assert not asserted(text, start, start + 3)


@pytest.mark.parametrize(
    ("text", "said", "brand", "so"),
    [
        ("Indigo Nation blue shirt", "Indigo", "indigo nation", True),
        ("Blue shirt by Indigo Nation", "Indigo", "Indigo Nation", True),
        ("Indigo shirt", "Indigo", "Indigo Nation", False),
        ("Orange phone case", "Orange", "Orange", True),
        ("Phone case, Orange", "Orange", "Orange", False),
        ("3M tape 3M", "3M", None, False),
    ],
)
def test_part_of_the_name_of_a_brand(text: str, said: str, brand: str | None, so: bool) -> None:
    start = text.rindex(said)
    assert of_brand(text, start, start + len(said), brand) is so
