"""A limit in another currency is no limit of these prices."""

from __future__ import annotations

import pytest

from shoplens.ingest.money import currency_code
from shoplens.recommend.said_currencies import foreign_limits
from shoplens.recommend.said_numbers import COINS


@pytest.mark.parametrize(
    ("text", "ours", "found"),
    [
        ("headphones under 1000 yen", "EUR", ("JPY", "headphones")),
        ("500日元以下的耳机", "EUR", ("JPY", "的耳机")),
        ("kettle under $50", "EUR", ("USD", "kettle")),
        ("kettle under 50 bucks", "EUR", ("USD", "kettle")),
        ("kettle under $50", "CAD", None),
        ("kettle under ¥500", "JPY", None),
        ("kettle under 50 euros", "EUR", None),
        ("kettle under 50", "EUR", None),
        ("kettle under 2 l", "EUR", None),
        ("yen", "EUR", None),
        ("mug between $5 and £10", "USD", ("GBP", "mug")),
        ("mug under USD 50", "EUR", ("USD", "mug")),
        ("tea under 1000 円", "EUR", ("JPY", "tea")),
        ("kettle under ca$50", "EUR", ("CAD", "kettle")),
        ("kettle under $50 CAD", "USD", ("CAD", "kettle")),
        ("kettle under 50 quid", "GBP", None),
        ("coffee for 5 cups under 30 euros", "EUR", None),
    ],
)
def test_a_limit_in_another_currency(text: str, ours: str, found: tuple[str, str] | None) -> None:
    assert foreign_limits(text, ours) == found


@pytest.mark.parametrize("coin", COINS)
def test_every_coin_that_is_heard_is_a_currency(coin: str) -> None:
    assert currency_code(coin) is not None
