"""RankedBlend: the same scores in another order, saved as text, answering fast enough."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from shoplens.domain.dataset import TrainingData
from shoplens.errors import BundleError
from shoplens.models.blend import Blend
from shoplens.models.item_knn import ItemKNN
from shoplens.models.linear import Linear
from shoplens.models.popularity import Popularity
from shoplens.models.ranker import ItemFacts, RankedBlend, RankerMissingError, feature_names, shortlist
from shoplens.testing.recommenders import NEW, check_recommender, planted_data

WEIGHTS = {"popularity": 0.0, "item-knn": 0.4, "linear": 0.6}


def blend() -> Blend:
    return Blend(
        {"popularity": Popularity(), "item-knn": ItemKNN(k=20), "linear": Linear(select=False)}, WEIGHTS, offset=0.5
    )


@pytest.fixture(scope="module")
def trees() -> str:
    """Like the linear model most, but the fewer events the more what sells."""
    random = np.random.default_rng(0)
    names = feature_names(tuple(WEIGHTS))
    table = random.normal(size=(4000, len(names)))
    merit = table[:, names.index("linear.z")] + 0.5 * table[:, 0] * (table[:, names.index("history")] < 0)
    settings = {"objective": "regression", "num_leaves": 7, "verbose": -1, "num_threads": 1, "deterministic": True}
    return str(lightgbm.train(settings, lightgbm.Dataset(table, merit), 100).model_to_string())


def make(trees: str) -> RankedBlend:
    plain = blend()
    return RankedBlend(plain, ItemFacts(np.zeros((0, 2), np.float32)), trees)


def test_conformance(trees: str, tmp_path: Path) -> None:
    check_recommender(lambda: make(trees), tmp_path)


def test_candidates_swap_scores_and_the_rest_keeps_them(trees: str) -> None:
    data = planted_data(items=300)
    ranked = make(trees).fit(data)
    plain = Blend(ranked.models, WEIGHTS, offset=0.5, unsold=ranked.unsold)
    histories = data.interactions.histories()
    before, after = plain.score(histories), ranked.score(histories)
    assert (before != after).any()
    assert np.array_equal(np.sort(before, axis=1), np.sort(after, axis=1))
    assert np.array_equal(before[:, -NEW:], after[:, -NEW:])  # what nobody bought is not the trees' business
    items = shortlist(plain, histories, ranked.facts, depth=5).items
    assert not (items >= 300 - NEW).any()


def test_damaged_trees_are_refused(trees: str, tmp_path: Path) -> None:
    make(trees).fit(planted_data()).save(tmp_path)
    (tmp_path / "facts.npy").unlink()
    with pytest.raises(BundleError, match="train again"):
        RankedBlend.load(tmp_path)


def test_without_lightgbm_the_weights_answer(trees: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = planted_data()
    ranked = make(trees).fit(data)
    ranked.save(tmp_path)

    def missing() -> Any:
        raise RankerMissingError("libgomp.so.1 is missing")

    monkeypatch.setattr("shoplens.models.ranker.lightgbm", missing)
    served = RankedBlend.load(tmp_path)
    histories = data.interactions.histories()
    plain = Blend(ranked.models, WEIGHTS, offset=0.5, unsold=ranked.unsold)
    assert np.array_equal(served.score(histories), plain.score(histories))


def test_trees_cost_one_person_little(trees: str) -> None:
    """A generous bound: what matters is that it does not grow with the catalogue or start threads."""
    data = planted_data(people=300, items=600)
    ranked = make(trees).fit(data)
    one = data.interactions.histories().take(0, 1)
    found = shortlist(ranked, one, ranked.facts)
    rows = found.table[found.items >= 0]
    assert 100 <= len(rows) <= 400
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        ranked._booster.predict(rows, num_threads=1)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.02


def test_no_sales_at_all(trees: str) -> None:
    data = planted_data()
    nothing = TrainingData(data.interactions.take(np.zeros(len(data.interactions), np.bool_)), data.modalities)
    scores = make(trees).fit(nothing).score(data.interactions.histories())
    assert np.isfinite(scores).all()
