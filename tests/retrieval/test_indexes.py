from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.registry import find
from shoplens.retrieval.base import best_of
from shoplens.retrieval.exact import ExactIndex
from shoplens.testing.indexes import check_index


@pytest.mark.parametrize("name", ["exact", "codes", "hnsw"])
def test_each_index_passes_the_suite(name: str, tmp_path: Path) -> None:
    faiss.omp_set_num_threads(1)  # two thousand vectors are not worth threads that wait for one another
    check_index(find("indexes", name), tmp_path)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**31))
def test_best_of_agrees_with_a_full_sort(n: int, k: int, seed: int) -> None:
    products = np.random.default_rng(seed).integers(-3, 4, size=(3, n)).astype(np.float32)
    rows, scores = best_of(products, k, np.arange(n))
    kept = min(n, k)
    assert np.array_equal(scores[:, :kept], -np.sort(-products, axis=1)[:, :kept])
    assert (rows[:, kept:] == -1).all()


def test_a_vector_of_another_size_is_refused() -> None:
    index = ExactIndex().build(np.eye(3, dtype=np.float32))
    with pytest.raises(ValueError, match=r"\[n, 3\]"):
        index.search(np.zeros((1, 4), np.float32), 1)
