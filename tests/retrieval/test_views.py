"""Several vectors of a product: the best one counts, whatever is looked for and however many there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from shoplens.retrieval.views import Views

Floats = npt.NDArray[np.float32]


def made(seed: int, count: int) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    random = np.random.default_rng(seed)
    return (
        random.integers(1, 6, count),
        random.normal(size=(count, 4)).astype(np.float32),
        random.normal(size=4).astype(np.float32),
    )


@given(st.integers(0, 10_000), st.integers(0, 30), st.lists(st.integers(0, 8), max_size=9))
def test_a_product_is_as_near_as_its_nearest_view(seed: int, count: int, rows: list[int]) -> None:
    own, vectors, asked = made(seed, count)
    views = Views(own, vectors)
    for fits in (None, lambda question, seen: -((seen - question) ** 2).sum(1)):
        every = vectors @ asked if fits is None else fits(asked, vectors)
        best = {row: every[own == row].max() for row in set(own.tolist())}
        scores = views.score(asked, np.array(rows, np.int64), fits)
        wanted = [best.get(row, np.nan) for row in rows]
        assert np.allclose(scores, wanted, atol=1e-4, equal_nan=True)
        found, given_scores = views.search(asked, 100, None, fits)
        assert set(found.tolist()) == set(best)
        assert np.allclose(given_scores, [best[row] for row in found.tolist()], atol=1e-4)


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_filters_and_departures_hold(seed: int, count: int) -> None:
    own, vectors, asked = made(seed, count)
    views = Views(own, vectors)
    allowed = np.array([False, True, False, True])  # rows from 4 on came after the filter was made
    assert set(views.search(asked, 50, allowed)[0].tolist()) == set(own.tolist()) & {1, 3}
    less = views.without(np.array([1, 2]))
    assert set(less.search(asked, 50)[0].tolist()) == set(own.tolist()) - {1, 2}
    assert len(views.search(asked, 1)[0]) == 1
