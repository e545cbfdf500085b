"""Scores that are worked out where they are asked for are those of a pass over everything."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Histories
from shoplens.models.base import Scores
from shoplens.models.blend import Blend
from shoplens.models.linear import Linear
from shoplens.models.linear import model as linear_model
from shoplens.models.neighbours import one_history
from shoplens.models.on_demand import Added, Ground, Slates, rows_in, score_one
from shoplens.testing.recommenders import planted_data

SOME = 40  # products


class Told:
    """A member that says what it is told to: of few products, or of all."""

    name = "told"

    def __init__(self, ground: np.ndarray, added: np.ndarray, scorable: np.ndarray | None, *, few: bool) -> None:
        self._ground = Ground.of(ground.astype(np.float32))
        self._rows = np.flatnonzero(added)
        self._added = added[self._rows].astype(np.float32)
        self.scorable = np.zeros(0, np.bool_) if scorable is None else scorable
        self._few = few

    def score(self, histories: Histories) -> Scores:
        return np.tile(self._one().all(), (len(histories), 1))

    def score_one(self, _history: Histories) -> Added | np.ndarray:
        return self._one() if self._few else self._one().all()

    def _one(self) -> Added:
        return Added(self._ground, self._rows, self._added)


class Selling(Told):
    same_for_all = True


@settings(deadline=None, max_examples=120)
@given(st.integers(0, 2**31), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_a_blend_on_demand(seed: int, few: bool, partly: bool, raised: bool, selling: bool) -> None:
    random = np.random.default_rng(seed)
    added = np.where(random.random(SOME) < 0.3, random.normal(size=SOME) * 3, 0.0)
    known = random.random(SOME) < 0.8 if partly else None
    personal = Told(random.random(SOME) * 0.1, added, known, few=few)
    everybody = Selling(random.random(SOME) ** 4, np.zeros(SOME), random.random(SOME) < 0.7, few=False)
    members: Any = {"a": personal, "b": everybody}
    blend = Blend(
        members, {"a": 0.7, "b": 0.4 * selling},
        offset=1.5 if raised else None, unsold=random.random(SOME) < 0.3 if raised else None,
    )  # fmt: skip
    expected = blend.score(one_history([0]))[0]
    for _ in range(2):  # the second time some of it is known
        found = score_one(blend, one_history([0]))
        if isinstance(found, np.ndarray):
            assert np.allclose(found, expected, atol=1e-4)
            continue
        rows = random.permutation(SOME)[:17]

        def take(whole: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            part: np.ndarray = whole[rows]
            return part

        assert np.allclose(found.all(), expected, atol=1e-4)
        assert np.allclose(found.at(rows), expected[rows], atol=1e-4)
        assert np.allclose(found.at(rows, take), expected[rows], atol=1e-4)
        assert found.mean() == pytest.approx(float(expected.mean()), abs=1e-4)
        if found.spoken is not None:
            others = np.delete(np.arange(SOME), found.spoken)
            assert (expected[others] <= found.common[others] + found.slack + 1e-4).all()


def test_a_linear_model_that_speaks_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    data = planted_data()
    model = Linear(select=False, repeat_weight=0.3).fit(data)
    histories = data.interactions.histories()
    assert isinstance(score_one(model, histories.take(0, 1)), np.ndarray), "a small shop is passed over"
    monkeypatch.setattr(linear_model, "SPARSE", 0)
    for row in range(20):
        one = histories.take(row, row + 1)
        found = score_one(model, one)
        assert isinstance(found, Added)
        assert np.array_equal(found.all(), model.score(one)[0])
        assert found.mean() == pytest.approx(float(model.score(one).mean()), abs=1e-6)


def test_what_is_read_from_a_slate_is_gone() -> None:
    slates = Slates(10)
    first, second = slates.take(), slates.take()
    first[[3, 7]], second[3] = (1.0, 2.0), 5.0
    rows, values = slates.read(first, [np.array([7, 3]), np.array([3])])
    assert (rows.tolist(), values.tolist()) == ([3, 7], [1.0, 2.0])
    assert slates.read(second, [np.array([3])])[1].tolist() == [5.0]
    assert not slates.take().any()
    assert not slates.take().any()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 49), max_size=30), min_size=1, max_size=3), st.sampled_from([50, 50_000]))
def test_distinct_rows(pieces: list[list[int]], n_items: int) -> None:
    found = rows_in([np.array(piece, np.int32) for piece in pieces], n_items)
    assert found.tolist() == sorted({row for piece in pieces for row in piece})
