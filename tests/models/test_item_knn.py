"""ItemKNN: the similarities themselves, conformance, explanations."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from shoplens.errors import ConfigurationError
from shoplens.models.item_knn import ItemKNN, cosine_neighbours
from shoplens.models.neighbours import one_history
from shoplens.testing.recommenders import check_recommender, planted_data


def test_similarities_are_the_cosines_of_the_columns() -> None:
    rng = np.random.default_rng(0)
    dense = (rng.random((30, 12)) < 0.3).astype(np.float32)
    found = cosine_neighbours(sp.csr_matrix(dense), k=12, shrinkage=0, rows=5).toarray()
    norm = np.linalg.norm(dense, axis=0)
    expected = dense.T @ dense / np.outer(norm, norm)
    np.fill_diagonal(expected, 0)
    assert found == pytest.approx(expected, abs=1e-6)


def test_only_the_strongest_k_stay() -> None:
    rng = np.random.default_rng(1)
    matrix = sp.csr_matrix((rng.random((60, 25)) < 0.4).astype(np.float32))
    whole = cosine_neighbours(matrix, k=25, shrinkage=3).toarray()
    cut = cosine_neighbours(matrix, k=4, shrinkage=3)
    assert np.diff(cut.indptr).max() <= 4
    for row, kept in zip(whole, cut.toarray(), strict=True):
        assert kept[kept > 0].sum() == pytest.approx(np.sort(row)[-4:].sum())


def test_conformance(tmp_path: Path) -> None:
    check_recommender(lambda: ItemKNN(k=20, half_life_days=30), tmp_path)


def test_an_explanation_names_history_products_and_adds_up() -> None:
    data = planted_data()
    model = ItemKNN(shrinkage=1).fit(data)
    history = one_history([0, 4, 5])
    scores = model.score(history)[0]
    item = 8
    parts = model.explain(history, item, at_most=3)
    assert {row for row, _ in parts} <= {0, 4, 5}
    assert [value for _, value in parts] == sorted((value for _, value in parts), reverse=True)
    assert sum(value for _, value in parts) == pytest.approx(scores[item], abs=1e-4)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="k of at least 1"):
        ItemKNN(k=0)
