"""The best of scores that are worked out on demand are the best of all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.models.on_demand import Added, Ground, Rows, Take, Values
from shoplens.recommend import ordering
from shoplens.recommend.rules import best
from shoplens.recommend.shelf import Offer

SOME = 400  # products


class Watched(Added):
    """Says of how many products it was asked."""

    asked = 0

    def at(self, rows: Rows, take: Take | None = None) -> Values:
        self.asked += len(rows)
        return super().at(rows, take)


def offer_of(trained: np.ndarray) -> Offer:
    rows = np.flatnonzero(trained)
    return Offer(np.append(False, trained), trained, np.zeros(0, np.bool_), rows, rows)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**31), st.floats(0.05, 1), st.floats(-2, 2), st.integers(0, 30), st.booleans())
def test_the_same_as_of_all(seed: int, kept: float, lift: float, n: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    ground = random.random(SOME).astype(np.float32)
    if ties:
        ground = np.round(ground, 1)
    spoken = np.flatnonzero(random.random(SOME) < 0.1)
    scores = Watched(Ground.of(ground), spoken, (random.random(len(spoken)) + lift).astype(np.float32))
    offer = offer_of(random.random(SOME) < kept)
    everything = scores.all()[offer.trained_rows]
    expected = offer.trained_rows[best(everything, n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "LEADERS", 64)
        for _ in range(2):  # the second time everybody's first are known
            rows, values = ordering._best_trained(offer, scores, n)
            assert rows.tolist() == expected.tolist()
            assert np.array_equal(values, scores.all()[rows])


def test_a_history_that_likes_what_it_speaks_of_asks_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "LEADERS", 64)
    spoken = np.arange(0, SOME, 10)
    ground = np.linspace(1, 0, SOME, dtype=np.float32)
    offer = offer_of(np.ones(SOME, np.bool_))
    liked = Watched(Ground.of(ground), spoken, np.full(len(spoken), 5, np.float32))
    assert ordering._best_trained(offer, liked, 10)[0].tolist() == spoken[:10].tolist()
    assert liked.asked < SOME / 2
    disliked = Watched(Ground.of(ground), np.arange(64), np.full(64, -5, np.float32))
    assert ordering._best_trained(offer, disliked, 3)[0].tolist() == [64, 65, 66]


def test_parts_and_leaders_belong_to_their_array() -> None:
    offer = offer_of(np.arange(10) % 2 == 0)
    for _ in range(6):  # more arrays than are kept
        whole = np.random.default_rng(0).permutation(10).astype(np.float32)
        assert np.array_equal(offer.part(whole), whole[::2])
        assert np.array_equal(offer.part(whole), whole[::2])
        assert offer.leaders(whole, 2).tolist() == (2 * np.argsort(-whole[::2])[:2]).tolist()
