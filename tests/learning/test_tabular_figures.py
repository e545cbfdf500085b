"""How wide the intervals of a table's figures are: people are drawn, not rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from shoplens.learning import tabular_figures
from shoplens.learning.tabular_figures import MODEL, judge
from shoplens.learning.tabular_reading import Scale
from shoplens.models.fusion.pointwise_rows import Past, Rows

PEOPLE, RIGHT = 400, 0.7


def width(user: npt.NDArray[np.int64], right: npt.NDArray[np.bool_], seed: int = 0) -> float:
    """Of the interval of accuracy, where `right` says for which rows the model answers as it was."""
    item = np.zeros(len(user), np.int64)
    label = (np.arange(len(user)) % 2).astype(np.float32)
    answer = np.where(right, label, 1 - label).astype(np.float32)
    rows = Rows(user, item, label)
    past = Past(rows, n_users=len(user), n_items=1, liked_above=0.5, seed=0)
    low, high = judge(rows, answer, past, Scale(), 0.5, seed).spans[MODEL]["accuracy"]
    return high - low


def expected(n: int) -> float:
    """Width of the normal interval of a share of n independent answers."""
    return float(2 * 1.96 * np.sqrt(RIGHT * (1 - RIGHT) / n))


def test_rows_of_one_person_are_no_evidence_of_their_own() -> None:
    right = np.random.default_rng(1).random(PEOPLE) < RIGHT
    alone = width(np.arange(PEOPLE), right)
    assert alone == pytest.approx(expected(PEOPLE), rel=0.2)
    repeated = width(np.repeat(np.arange(PEOPLE), 5), np.repeat(right, 5))
    assert repeated == pytest.approx(expected(PEOPLE), rel=0.2), "five times the rows of the same people tell no more"
    strangers = width(np.full(5 * PEOPLE, -1), np.repeat(right, 5))
    assert strangers == pytest.approx(expected(5 * PEOPLE), rel=0.2), "people that are not told apart"


def test_a_part_of_many_rows_gives_the_interval_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    right = np.random.default_rng(2).random(4 * PEOPLE) < RIGHT
    monkeypatch.setattr(tabular_figures, "MOST", PEOPLE)
    assert width(np.arange(4 * PEOPLE), right) == pytest.approx(expected(4 * PEOPLE), rel=0.2)
