"""Words that ask for an order, and words that ask for anything but it."""

from __future__ import annotations

import pytest

from shoplens.recommend.said_orders import said_order


@pytest.mark.parametrize(("text", "rest"), [("cheapest headphones", "headphones"), ("最便宜的耳机", "耳机")])
def test_the_cheapest(text: str, rest: str) -> None:
    said = said_order(text)
    assert said is not None
    assert (str(said.sort.field), said.sort.descending, said.rest) == ("price", False, rest)


@pytest.mark.parametrize(
    "text",
    ["headphones, but not the cheapest", "I don't want the cheapest headphones", "不要最便宜的耳机", "不是最贵的手表"],
)
def test_anything_but_that(text: str) -> None:
    assert said_order(text) is None
