"""Places left to chance."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.recommend.exploration import explore


@given(st.integers(0, 30), st.integers(0, 40), st.floats(0, 1), st.integers(0, 2**32))
def test_products_are_different_ones_of_the_pool(pool: int, n: int, share: float, seed: int) -> None:
    order = np.arange(pool) + 7
    shown, chances = explore(order, n, share, np.random.default_rng(seed))
    assert len(shown) == len(chances) == min(n, pool)
    assert len(set(shown.tolist())) == len(shown)
    assert set(shown.tolist()) <= set(order.tolist())
    assert np.all((chances > 0) & (chances <= 1 + 1e-9))


def test_nothing_is_left_to_chance_without_a_share() -> None:
    shown, chances = explore(np.array([5, 3, 9, 1]), 3, 0.0, np.random.default_rng(0))
    assert shown.tolist() == [5, 3, 9]
    assert chances.tolist() == [1.0, 1.0, 1.0]


def test_chances_are_what_happens() -> None:
    random, order = np.random.default_rng(1), np.arange(6)
    drawn = [explore(order, 1, 0.3, random) for _ in range(20_000)]
    counts = Counter(int(shown[0]) for shown, _ in drawn)
    for item in order.tolist():
        chance = next(chances[0] for shown, chances in drawn if shown[0] == item)
        assert counts[item] / len(drawn) == pytest.approx(chance, abs=0.012)


def test_reweighed_clicks_say_what_another_order_would_get() -> None:
    random = np.random.default_rng(2)
    order, liked = np.arange(5), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    total = 0.0
    for _ in range(20_000):
        shown, chances = explore(order, 1, 0.5, random)
        clicked = random.random() < liked[shown[0]]
        total += (shown[0] == 4) * clicked / chances[0]  # a model that would show 4
    assert total / 20_000 == pytest.approx(liked[4], abs=0.03)
