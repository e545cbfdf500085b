"""Estimates from a log against the true value, which a simulation knows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.learning.metrics.off_policy import OffPolicy, estimate, guesses
from shoplens.recommend.exploration import chances_of, explore

PLACES, SHARE = 2, 0.5
LIKED = np.array([0.1, 0.15, 0.2, 0.3, 0.45, 0.5, 0.35, 0.25])
SEEN = np.array([1.0, 0.8])  # the further down, the fewer look
OLD, NEW, FAR = np.arange(8), np.array([3, 0, 1, 2, 4, 5, 6, 7]), np.array([5, 4, 6, 3, 7, 2, 1, 0])


def clicks(shown: npt.NDArray[np.int64], random: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.asarray(random.random(shown.shape) < LIKED[shown] * SEEN, np.float64)


def true_value(order: npt.NDArray[np.int64]) -> float:
    random = np.random.default_rng(99)
    shown = np.array([explore(order, PLACES, SHARE, random)[0] for _ in range(20_000)])
    return float((LIKED[shown] * SEEN).sum(axis=1).mean())


def logged(new: npt.NDArray[np.int64], answers: int, seed: int, old: npt.NDArray[np.int64] = OLD) -> OffPolicy:
    """What a log of `answers` of the old order says about a new one; two answers a person."""
    random = np.random.default_rng(seed)
    drawn = [explore(old, PLACES, SHARE, random) for _ in range(answers)]
    shown = np.array([one for one, _ in drawn])
    reward = clicks(shown, random)
    asked = [chances_of(list(map(str, new)), list(map(str, row)), SHARE) for row in shown]
    ratio = np.array([mine for mine, _ in asked]) / np.array([theirs for _, theirs in drawn])
    there = np.ones(shown.shape, np.bool_)
    people = np.arange(answers) // 2
    of_item, of_place = guesses(shown, reward, there, people, 8)
    fold = people % 2
    expected = np.zeros(shown.shape)
    for k, (_, left) in enumerate(asked):
        for place, names in enumerate(left):
            factors = of_item[fold[k], list(map(int, names))]
            expected[k, place] = (SHARE * factors.mean() + (1 - SHARE) * factors[0]) * of_place[fold[k], place]
    guess = of_item[fold[:, None], shown] * of_place[fold]
    return estimate(ratio, reward, there, guess, expected, people)


def test_estimates_are_near_the_truth_and_their_intervals_hold_it() -> None:
    truth, before = true_value(NEW), true_value(OLD)
    found = [logged(NEW, 3_000, seed) for seed in range(12)]
    for name, off in (("ips", 0.03), ("snips", 0.03), ("dr", 0.03)):
        told = [getattr(one, name) for one in found]
        assert np.mean([one.value for one in told]) == pytest.approx(truth, abs=off), name
        held = [one.low <= truth <= one.high for one in told]
        assert sum(held) >= 9, name
    assert np.mean([one.logged.value for one in found]) == pytest.approx(before, abs=0.02)
    assert all(one.gain.low > 0 for one in found)
    assert all(one.refused is None for one in found)
    spread = {name: np.std([getattr(one, name).value for one in found]) for name in ("ips", "snips", "dr")}
    assert spread["dr"] < spread["ips"]


def test_the_logged_way_itself_is_estimated_without_any_loss() -> None:
    found = logged(OLD, 1_000, 3)
    assert found.ips.value == pytest.approx(found.logged.value)
    assert found.snips.value == pytest.approx(found.logged.value)
    assert found.effective == pytest.approx(1_000)
    assert found.covered == pytest.approx(1.0)
    assert found.gain.low <= 0 <= found.gain.high
    assert (found.answers, found.people) == (1_000, 500)


def test_what_the_log_cannot_speak_of_is_refused() -> None:
    few = logged(NEW, 80, 1)
    assert few.refused is not None
    assert "log longer" in few.refused
    # The old way only ever showed the first half of the products.
    missing = logged(np.array([0, 5, 1, 2, 3, 4, 6, 7]), 3_000, 2, old=OLD[:5])
    assert missing.covered < 0.9
    assert missing.refused is not None
    assert "could never have been" in missing.refused


@settings(deadline=None, max_examples=50)
@given(st.permutations(range(8)), st.integers(1, 8), st.floats(0, 1), st.integers(0, 2**31))
def test_chances_are_those_that_were_drawn_with(order: list[int], n: int, share: float, seed: int) -> None:
    shown, chances = explore(np.array(order), n, share, np.random.default_rng(seed))
    again, left = chances_of(list(map(str, order)), list(map(str, shown)), share)
    assert again == pytest.approx(chances)
    assert [len(names) for names in left] == [8 - place for place in range(n)]
    assert chances_of(["a"], ["b"], share)[0].tolist() == [0.0]
