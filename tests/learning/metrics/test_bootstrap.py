from __future__ import annotations

import time

import numpy as np
import pytest

from shoplens.learning.metrics.bootstrap import compare, compare_all, intervals, resampled_means


def test_interval_has_the_width_that_theory_says() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, size=(2000, 1))
    ((low, high),) = intervals(values, 2000)
    assert low < 3.0 < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(2000), rel=0.08)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        ((low, high),) = intervals(random.exponential(1.0, size=(300, 1)), 300, seed=trial)
        covered += low <= 1.0 <= high
    assert 0.89 <= covered / 200 <= 0.985


def test_same_seed_same_answer() -> None:
    values = np.random.default_rng(0).random((500, 3))
    assert (intervals(values, 200, seed=4) == intervals(values, 200, seed=4)).all()
    assert (intervals(values, 200, seed=4) != intervals(values, 200, seed=5)).any()


def test_chunks_do_not_show() -> None:
    means = resampled_means(np.ones((70_000, 2)), 40)
    assert means.shape == (40, 2)
    assert means == pytest.approx(1.0)


def test_pairing_sees_what_two_intervals_hide() -> None:
    random = np.random.default_rng(2)
    hard = random.random(400)  # how easy a person is to please differs far more than the models do
    theirs, ours = hard, hard + 0.01 + random.normal(0, 0.02, 400)
    bounds = intervals(np.stack([ours, theirs], axis=1), 500)
    assert bounds[0, 0] < bounds[1, 1]  # the intervals overlap
    difference = compare(ours, theirs, 500)
    assert difference.clear
    assert 0 < difference.low < 0.01 < difference.high
    assert difference.p_value < 0.01
    same = compare(theirs + random.normal(0, 0.02, 400), theirs, 500)
    assert same.p_value > 0.01


def test_nobody_and_one_person() -> None:
    assert np.isnan(intervals(np.zeros((0, 2)))).all()
    assert intervals(np.array([[0.25]])).tolist() == [[0.25, 0.25]]
    with pytest.raises(ValueError, match="same people"):
        compare(np.zeros(2), np.zeros(3))


def test_twenty_thousand_people_take_about_a_second() -> None:
    values = np.random.default_rng(0).random((20_000, 12))
    began = time.process_time()
    intervals(values, 1000)
    assert time.process_time() - began < 5  # about 0.5 s on a free core; room for a busy machine


def test_all_metrics_at_once_say_what_each_says_alone() -> None:
    random = np.random.default_rng(7)
    ours = {"recall": random.random(200), "ndcg": random.random(200), "mine": random.random(200)}
    theirs = {"recall": random.random(200), "ndcg": random.random(200), "yours": random.random(200)}
    together = compare_all(ours, theirs, 300, seed=1)
    assert list(together) == ["recall", "ndcg"]
    for name, difference in together.items():
        alone = compare(ours[name], theirs[name], 300, seed=1)
        assert (difference.low, difference.high, difference.p_value) == pytest.approx(
            (alone.low, alone.high, alone.p_value)
        )
    assert compare_all({"a": np.zeros(0)}, {"a": np.zeros(0)}) == {}
    with pytest.raises(ValueError, match="same people"):
        compare_all({"a": np.zeros(2)}, {"a": np.zeros(3)})
