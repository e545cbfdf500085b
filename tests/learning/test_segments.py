from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_cases import GivenScores, Tally, random_log

from shoplens.domain.dataset import TrainingData
from shoplens.errors import InputError
from shoplens.learning.evaluate import evaluate
from shoplens.learning.split import temporal_split


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_kinds_of_products_add_up(seed: int) -> None:
    log = random_log(seed, items=30, events=300)
    log = log.take((log.item % 5 > 0) | (log.timestamp > np.quantile(log.timestamp, 0.75)))  # a fifth is new
    split = temporal_split(log, 20, 10)
    holdout = split.valid_holdout()
    scores = np.random.default_rng(seed).random((40, 30)).astype(np.float32)
    found = evaluate(GivenScores(scores), holdout, ks=(5,), resamples=10)
    kinds = found.products
    pairs = {name: kinds[name]["relevant"] if name in kinds else 0 for name in ("cold", "warm", "head", "tail")}
    reached = {name: pairs[name] * (kinds[name]["recall"] if name in kinds else 0) for name in pairs}
    assert pairs["cold"] + pairs["warm"] == holdout.relevant.sum()
    assert pairs["head"] + pairs["tail"] == pairs["warm"]
    assert reached["head"] + reached["tail"] == pytest.approx(reached["warm"])
    hits = sum(found.per_person["recall@5"] * holdout.relevant)
    assert reached["cold"] + reached["warm"] == pytest.approx(hits)
    assert found.as_dict()["products"] == {name: dict(values) for name, values in kinds.items()}


def test_popularity_reaches_the_head_and_not_the_rest() -> None:
    split = temporal_split(random_log(), 20, 10)
    found = evaluate(Tally().fit(TrainingData(split.train)), split.valid_holdout(repeat=True), ks=(10,))
    assert found.products["head"]["recall"] > found.products["tail"]["recall"]
    assert found.products["head"]["shown"] > 0.5
    assert found.products["head"]["shown"] + found.products["tail"]["shown"] == pytest.approx(1.0)


def test_models_are_compared_on_the_same_people_only() -> None:
    split = temporal_split(random_log(), 20, 10)
    holdout = split.valid_holdout(repeat=True)
    better = evaluate(Tally().fit(TrainingData(split.train)), holdout)
    worse = evaluate(GivenScores(np.random.default_rng(0).random((40, 60)).astype(np.float32)), holdout)
    difference = better.against(worse)["ndcg@20"]
    assert difference.mean == pytest.approx(better.means["ndcg@20"] - worse.means["ndcg@20"])
    assert difference.low < difference.mean < difference.high
    mirrored = worse.against(better)["ndcg@20"]
    assert (mirrored.low, mirrored.high) == pytest.approx((-difference.high, -difference.low))
    elsewhere = evaluate(Tally().fit(TrainingData(split.train)), split.test_holdout())
    with pytest.raises(InputError, match="different people"):
        better.against(elsewhere)
    nobody = holdout.take(np.zeros(0, np.int64))
    empty = evaluate(Tally().fit(TrainingData(split.train)), nobody)
    assert empty.against(empty) == {}
