"""The reference is ir-measures (which runs trec_eval); ranks are handed to it as scores without ties."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, P, R, Success, nDCG

from shoplens.learning.evaluate import METRICS
from shoplens.learning.metrics.ranking import reciprocal_rank
from shoplens.learning.top import top_items

REFERENCE = {"recall": R, "precision": P, "hit_rate": Success, "ndcg": nDCG, "map": AP}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [1, 5, 10])
def test_equal_to_the_reference_on_random_data_with_ties(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    people, items = 40, 50
    scores = random.integers(0, 8, size=(people, items)).astype(np.float32)
    truth = random.random((people, items)) < random.choice([0.02, 0.1, 0.5], size=(people, 1))
    truth[np.arange(people), random.integers(items, size=people)] = True
    top = top_items(scores, 10)
    hits = np.take_along_axis(truth, top.astype(np.int64), axis=1)
    relevant = truth.sum(axis=1)
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u in range(people) for i in np.flatnonzero(truth[u])]
    run = [
        ir_measures.ScoredDoc(str(u), str(item), float(-rank))
        for u in range(people)
        for rank, item in enumerate(top[u])
    ]
    measures = {name: measure @ k for name, measure in REFERENCE.items()} | {"mrr": RR @ k}
    wanted: dict[str, dict[int, float]] = {name: {} for name in measures}
    for value in ir_measures.iter_calc(list(measures.values()), qrels, run):
        name = next(name for name, measure in measures.items() if measure == value.measure)
        wanted[name][int(value.query_id)] = value.value
    for name, function in {**METRICS, "mrr": reciprocal_rank}.items():
        ours = function(hits, relevant, k)
        theirs = np.array([wanted[name][u] for u in range(people)])
        assert np.abs(ours - theirs).max() < 1e-9, name


def test_ideal_is_cut_at_k_and_at_what_is_relevant() -> None:
    hits = np.array([[True, True, False], [False, False, False]])
    assert METRICS["ndcg"](hits, np.array([2, 1]), 3).tolist() == [1.0, 0.0]
    assert METRICS["ndcg"](hits, np.array([9, 1]), 2).tolist() == [1.0, 0.0]
    assert METRICS["recall"](hits, np.array([8, 1]), 3).tolist() == [0.25, 0.0]


def test_a_catalogue_smaller_than_k() -> None:
    hits = np.array([[True, False]])
    for name, function in METRICS.items():
        value = function(hits, np.array([1]), 20)
        assert value.tolist() == [1 / 20 if name == "precision" else 1.0], name
