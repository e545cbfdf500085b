"""People like those of a list: planted tastes and habits are found, chance is not, and the figures say which."""

import numpy as np
import pytest

from shoplens.models.profile.audience import ACTIVE, found_again, likeness
from shoplens.models.profile.habits import FEATURES

RANDOM = np.random.default_rng(0)
N = 600
TASTE = RANDOM.normal(size=(N, 6)) + 3 * np.eye(6)[np.arange(N) % 6]
VECTORS = TASTE / np.linalg.norm(TASTE, axis=1, keepdims=True)
HABITS = RANDOM.normal(size=(N, len(FEATURES)))
KNOWN = np.arange(N)


@pytest.mark.parametrize("many", [3, 50])
def test_those_of_a_taste_are_found(many: int) -> None:
    group = KNOWN[KNOWN % 6 == 0]
    seeds = group[:many]
    scores = likeness(VECTORS, HABITS, KNOWN, seeds)
    others = np.setdiff1d(KNOWN, seeds)
    best = others[np.argsort(-scores[others])[:30]]
    assert np.mean(best % 6 == 0) > 0.8


def test_a_list_of_those_who_come_often_is_found_by_their_habits() -> None:
    active = HABITS[:, FEATURES.index(ACTIVE)]
    seeds = np.argsort(-active)[:60]
    again = found_again(VECTORS, HABITS, KNOWN, seeds)
    assert again is not None
    assert min(again.share, again.most_active) > 0.9


def test_a_list_of_nobody_in_particular_is_found_no_better_than_by_chance() -> None:
    again = found_again(VECTORS, HABITS, KNOWN, RANDOM.choice(N, 100, replace=False))
    assert again is not None
    assert again.low <= again.chance + 0.06
    assert again.share < 0.25
    assert found_again(VECTORS, HABITS, KNOWN, KNOWN[:24]) is None
