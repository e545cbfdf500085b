from __future__ import annotations

import numpy as np
import pytest

from shoplens.learning.metrics.catalogue import coverage, diversity, exposure, gini, novelty

TOP = np.array([[0, 1], [0, -1], [0, 2]], np.int32)


def test_coverage_counts_products_shown_to_anybody() -> None:
    assert coverage(TOP, 6) == 0.5
    assert exposure(TOP, 4).tolist() == [3, 1, 1, 0]
    assert coverage(np.zeros((0, 2), np.int32), 6) == 0.0


def test_gini_is_zero_when_even_and_high_when_not() -> None:
    assert gini(np.array([[0], [1], [2]], np.int32), 3) == pytest.approx(0.0)
    assert gini(np.zeros((5, 1), np.int32), 100) == pytest.approx(0.99)
    assert gini(np.full((2, 2), -1, np.int32), 3) == 0.0


def test_novelty_is_information_in_bits() -> None:
    events = np.array([6, 2, 0, 0], np.int64)  # shares with one added: 7, 3, 1, 1 of 12
    assert novelty(np.array([[0]], np.int32), events) == pytest.approx(-np.log2(7 / 12))
    assert novelty(np.array([[2]], np.int32), events) > novelty(np.array([[0]], np.int32), events)
    assert novelty(np.array([[-1]], np.int32), events) == 0.0


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(9, 5)).astype(np.float32)
    vectors[8] = 0
    present = np.ones(9, np.bool_)
    present[7] = False
    top = np.array([[0, 1, 2], [3, 7, 4], [5, -1, 8], [6, 6, -1]], np.int32)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def distance(a: int, b: int) -> float:
        return float(1 - unit[a] @ unit[b])

    found = diversity(top, vectors, present)
    assert found[0] == pytest.approx((distance(0, 1) + distance(0, 2) + distance(1, 2)) / 3, abs=1e-6)
    assert found[1] == pytest.approx(distance(3, 4), abs=1e-6)
    assert np.isnan(found[2])
    assert found[3] == pytest.approx(0, abs=1e-6)
