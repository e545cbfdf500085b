"""Intervals that hold at all times, and the check of shares."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.learning.metrics.sequential import LEAST, MISMATCH, ArmSample, difference, mismatch

LOOKS = range(200, 6_001, 400)


def rates(clicks: np.ndarray, shown: np.ndarray | None = None) -> ArmSample:
    above = clicks.astype(np.float64)
    return ArmSample(above, np.ones(len(above)) if shown is None else shown.astype(np.float64))


def test_looking_all_the_time_is_rarely_wrong() -> None:
    random = np.random.default_rng(5)
    wrong = ordinary = 0
    for _ in range(100):
        a, b = random.random((2, LOOKS[-1])) < 0.1
        looks = [difference(rates(a[:n]), rates(b[:n])) for n in LOOKS]
        wrong += any(one is not None and one.decided for one in looks)
        for n in LOOKS:
            p, q = a[:n].mean(), b[:n].mean()
            if abs(p - q) > 1.96 * math.sqrt((p * (1 - p) + q * (1 - q)) / n):
                ordinary += 1
                break
    assert wrong <= 5  # 5 % of 100
    assert ordinary > 15  # what those who look every day with an ordinary interval get


def test_a_real_difference_is_found() -> None:
    random = np.random.default_rng(6)
    a, b = random.random(20_000) < 0.13, random.random(20_000) < 0.10
    found = difference(rates(a), rates(b))
    assert found is not None
    assert found.decided
    assert found.low < 0.03 < found.high


def test_clicks_of_one_person_are_not_independent() -> None:
    random = np.random.default_rng(7)
    shown = random.integers(1, 50, 2_000)
    clicks = np.where(random.random(2_000) < 0.1, shown, 0)  # who clicks, clicks on everything
    ratio = rates(clicks, shown)
    assert ratio.value == pytest.approx(clicks.sum() / shown.sum())
    naive = ratio.value * (1 - ratio.value) / shown.sum()
    assert ratio.variance / len(clicks) > 10 * naive


def test_too_few_people_say_nothing() -> None:
    few = rates(np.ones(LEAST - 1))
    assert difference(few, rates(np.zeros(1_000))) is None
    assert difference(rates(np.zeros(1_000), np.zeros(1_000)), rates(np.ones(1_000))) is None
    assert difference(rates(np.zeros(1_000)), rates(np.zeros(1_000))) is None, "no purchase at all is not ±0 of them"


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=5))
def test_a_bound_is_a_probability(counts: list[int]) -> None:
    assert 0.0 <= mismatch(counts, [1 / len(counts)] * len(counts)) <= 1.0


def test_shares_that_are_not_as_they_should_be() -> None:
    assert mismatch([5_000, 5_100], [0.5, 0.5]) > MISMATCH
    assert mismatch([9_000, 1_000], [0.9, 0.1]) > MISMATCH
    assert mismatch([5_000, 5_500], [0.5, 0.5]) < MISMATCH
    random = np.random.default_rng(8)
    wrong = 0
    for _ in range(100):
        side = np.cumsum(random.random(6_000) < 0.5)
        wrong += any(mismatch([int(side[n - 1]), n - int(side[n - 1])], [0.5, 0.5]) < MISMATCH for n in LOOKS)
    assert wrong <= 2
