from __future__ import annotations

import numpy as np
import pytest

from shoplens.apps.attributes.gaps import gaps
from shoplens.apps.attributes.insights import drives, in_currency, level, stages_of, strata_of
from shoplens.store.records import QueryCount

PRODUCTS = 600


def _shop(effect: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Views and purchases of products: red ones cost more and are in the category that sells; `effect` is red's own."""
    random = np.random.default_rng(seed)
    category = random.integers(2, size=PRODUCTS)
    red = random.random(PRODUCTS) < np.where(category == 1, 0.7, 0.2)
    views = random.poisson(80, PRODUCTS) + 1.0
    product = np.exp(random.normal(0, 0.3, PRODUCTS))  # products differ beyond chance
    rate = np.where(category == 1, 0.3, 0.05) * np.where(red, effect, 1.0) * product
    bought = random.binomial(views.astype(int), np.clip(rate, 0, 0.95)).astype(float)
    return views, bought, red, [str(one) for one in category], np.full(PRODUCTS, 10.0)


def _red(effect: float, seed: int):  # type: ignore[no-untyped-def]
    views, bought, red, category, price = _shop(effect, seed)
    strata = strata_of(category, price, views, by_popularity=True)
    values = {("colour", "red"): np.flatnonzero(red)}
    asked = {"colour": np.ones(PRODUCTS, np.bool_)}
    (one,) = drives(values, asked, stages_of(views, np.zeros(PRODUCTS), bought), strata)
    return one


def test_a_planted_effect_is_found_and_the_category_is_taken_out() -> None:
    one = _red(1.5, 0)
    assert one.stage == "view to purchase"
    assert one.low < 1.5 < one.high
    assert one.telling
    assert one.plain_ratio > 2.0, "most of it is the category"


def test_intervals_hold_as_often_as_they_say() -> None:
    found = [_red(1.0, seed) for seed in range(1, 61)]
    held = sum(one.low <= 1.0 <= one.high for one in found)
    assert held >= 53, "95 % of 60, less what chance allows"


def _of_many_categories(effect: float, seed: int):  # type: ignore[no-untyped-def]
    """Small strata; red is viewed twice as often and costs more, and what is dear or popular sells less."""
    random = np.random.default_rng(seed)
    category = np.repeat(np.arange(60), 25)
    red = random.random(len(category)) < 0.1 * np.exp(random.normal(0, 0.7, 60))[category]
    price = np.exp(random.normal(3, 0.6, len(category))) * np.where(red, 1.3, 1.0)
    views = np.ceil(40 * np.exp(random.normal(0, 1, len(category)))) * np.where(red, 2, 1)
    rate = np.exp(random.normal(np.log(0.1), 0.6, 60))[category] * np.exp(random.normal(0, 0.4, len(category)))
    rate *= (views / 40) ** -0.2 * (price / 20) ** -0.3 * np.where(red, effect, 1.0)
    bought = random.binomial(views.astype(int), np.clip(rate, 0, 0.9)).astype(float)
    strata = strata_of(category.tolist(), price, views, by_popularity=True)
    stages = [level(one, strata, price, views) for one in stages_of(views, np.zeros(len(views)), bought)]
    (one,) = drives({("c", "red"): np.flatnonzero(red)}, {"c": np.ones(len(red), np.bool_)}, stages, strata)
    return one


@pytest.mark.parametrize("effect", [1.0, 1.5])
def test_intervals_hold_where_hardly_any_product_is_like_another(effect: float) -> None:
    found = [_of_many_categories(effect, seed) for seed in range(60)]
    held = sum(one.low <= effect <= one.high for one in found)
    assert held >= 53, "95 % of 60, less what chance allows"
    assert abs(np.mean([np.log(one.ratio / effect) for one in found])) < 0.04, "price and popularity are taken out"


def test_prices_are_banded_within_their_currency() -> None:
    price = np.array([1.0, 2.0, 3.0, 4.0, 70.0, 140.0, 210.0, 280.0])
    currency = ["EUR"] * 4 + ["CNY"] * 4
    strata = strata_of(["tea"] * 8, price, np.ones(8), currency, by_popularity=False).tolist()
    assert strata[:4] == strata[4:]
    assert len(set(strata)) == 4
    np.testing.assert_allclose(in_currency(price, currency)[:4], in_currency(price, currency)[4:])


def test_too_little_says_nothing() -> None:
    strata = np.zeros(10, np.int64)
    values = {("c", "red"): np.arange(5)}
    stage = stages_of(np.ones(10), np.zeros(10), np.ones(10))
    assert drives(values, {"c": np.ones(10, np.bool_)}, stage, strata) == []


def test_a_log_without_views_compares_purchases() -> None:
    nothing = np.zeros(4)
    assert [one.name for one in stages_of(nothing, nothing, np.ones(4))] == ["purchases"]
    assert [one.name for one in stages_of(np.ones(4), np.ones(4), np.ones(4))] == [
        "view to cart", "cart to purchase", "view to purchase",
    ]  # fmt: skip


def test_gaps_name_what_is_lacking() -> None:
    values = {("colour", "red"): np.array([0, 1, 2, 3]), ("material", "suede"): np.array([4, 5])}
    words = frozenset({"shoe", "shoes"})
    counts = [
        QueryCount("red suede shoe", 9, 7, 0),
        QueryCount("红色 sandals", 8, 6, 8),
        QueryCount("red shoe", 50, 40, 0),
        QueryCount("RED  Suede Shoe", 2, 2, 0),
    ]
    first, second = gaps(counts, values, words)
    assert (first.query, first.products) == ("red suede shoe", 0)
    assert set(first.wanted) == {("colour", "red"), ("material", "suede")}
    assert (second.query, second.unknown) == ("红色 sandals", ("sandals",))
    assert second.wanted == (("colour", "red"),)
    assert [one.query for one in gaps(counts, values, words, n=1)] == [first.query]
    assert first.askers == pytest.approx(7)
    (limited,) = gaps([QueryCount("show me a sandal under 50", 1, 1, 0)], values, words)
    assert limited.unknown == ("sandal",), "a limit is no word that a shop could stock"
