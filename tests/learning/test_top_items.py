from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shoplens.learning.top import top_items

#: Few distinct values, so that ties are everywhere.
score_matrices = arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.integers(1, 30)),
    elements=st.sampled_from([-np.inf, -2.0, 0.0, 0.5, 1.0]),
)


@given(score_matrices, st.integers(1, 12))
def test_same_as_a_stable_sort(scores: npt.NDArray[np.float32], k: int) -> None:
    ranked = top_items(scores, k)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    expected = np.where(np.take_along_axis(scores, order, axis=1) == -np.inf, -1, order)
    assert ranked.tolist() == expected.tolist()


def test_ties_do_not_depend_on_who_else_is_scored() -> None:
    scores = np.zeros((3, 10_000), np.float32)
    scores[:, 77] = 1
    assert top_items(scores, 4).tolist() == [[77, 0, 1, 2]] * 3
