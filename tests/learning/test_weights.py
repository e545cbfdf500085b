from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from learning_cases import GivenScores, random_log

from shoplens.learning.choice import blend_of
from shoplens.learning.evaluate import evaluate
from shoplens.learning.holdout import Holdout
from shoplens.learning.split import temporal_split
from shoplens.learning.weights import Pool, _Quality, choose_weights, gather_pool


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return temporal_split(random_log(items=300, events=4000), 20, 10).valid_holdout()


def noisy(holdout: Holdout, seed: int, noise: float, share: float = 1.0) -> npt.NDArray[np.float32]:
    """Scores that see a share of the truth through noise."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, noise, size=(40, holdout.n_items))
    owner = np.repeat(holdout.user, holdout.relevant)
    seen = random.random(len(owner)) < share
    scores[owner[seen], holdout.truth_item[seen]] += 1
    return scores.astype(np.float32)


def test_two_views_are_blended_and_noise_is_left_out(holdout: Holdout) -> None:
    models = {
        "one": GivenScores(noisy(holdout, 1, 0.4, 0.6)),
        "two": GivenScores(noisy(holdout, 2, 0.4, 0.6)),
        "noise": GivenScores(np.random.default_rng(3).random((40, holdout.n_items)).astype(np.float32)),
    }
    weights = choose_weights(gather_pool(models, holdout))
    assert sum(weights.values()) == pytest.approx(1, abs=1e-3)
    assert weights["one"] > 0.2
    assert weights["two"] > 0.2
    assert weights["noise"] < 0.2
    blended = evaluate(blend_of(models, weights), holdout).means["ndcg@20"]
    assert blended > max(evaluate(model, holdout).means["ndcg@20"] for model in models.values())


def test_models_as_good_as_each_other_say_as_much_however_high_their_best_products_stand(holdout: Holdout) -> None:
    models = {"low": GivenScores(noisy(holdout, 1, 0.7)), "high": GivenScores(noisy(holdout, 2, 0.7))}
    pool = gather_pool(models, holdout)
    level = choose_weights(pool)
    apart = choose_weights(replace(pool, z=pool.z * np.array([1, 8], np.float32)[:, None, None]))
    assert 0.5 < level["low"] / level["high"] < 2.0
    assert apart["low"] / apart["high"] == pytest.approx(8 * level["low"] / level["high"], rel=0.1)


def test_a_perfect_model_stands_alone(holdout: Holdout) -> None:
    models = {
        "noise": GivenScores(noisy(holdout, 1, 5.0)),
        "perfect": GivenScores(noisy(holdout, 2, 0.0)),
    }
    assert choose_weights(gather_pool(models, holdout)) == {"noise": 0.0, "perfect": 1.0}


def test_quality_in_the_pool_is_that_of_the_whole_catalogue(holdout: Holdout) -> None:
    """A single model's top K lies in the pool, so the search sees its exact metrics."""
    model = GivenScores(noisy(holdout, 1, 0.5))
    other = GivenScores(noisy(holdout, 4, 0.5))
    pool = gather_pool({"one": model, "other": other}, holdout, depth=30)
    found = evaluate(model, holdout)
    expected = (found.means["recall@20"] + found.means["ndcg@20"]) / 2
    assert _Quality(pool, 20).per_person(np.array([1.0, 0.0])).mean() == pytest.approx(expected, abs=1e-6)


class HalfBlind(GivenScores):
    """Cannot judge the first products."""

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        return np.arange(self.matrix.shape[1]) >= 100


def test_the_search_sees_what_the_blend_will_do(holdout: Holdout) -> None:
    """Also where a member cannot judge a product and the others vouch for it."""
    models = {"blind": HalfBlind(noisy(holdout, 1, 0.5)), "seeing": GivenScores(noisy(holdout, 2, 0.5))}
    pool = gather_pool(models, holdout)
    for counts in ([3, 1], [1, 3], [1, 0]):
        weights = np.array(counts, np.float64)
        found = evaluate(blend_of(models, dict(zip(models, weights / weights.sum(), strict=True))), holdout)
        expected = (found.means["recall@20"] + found.means["ndcg@20"]) / 2
        assert _Quality(pool, 20).per_person(weights).mean() == pytest.approx(expected, abs=2e-3)


def test_luck_is_not_enough_to_leave_the_best_model(holdout: Holdout) -> None:
    """Two models of pure noise beside a good one: on few people some mixture always looks a little better."""
    good = GivenScores(noisy(holdout, 1, 0.5))
    kept = 0
    for seed in range(10):
        noise = [np.random.default_rng([seed, n]).random((40, holdout.n_items)).astype(np.float32) for n in (0, 1)]
        models = {"good": good, "noise": GivenScores(noise[0]), "more noise": GivenScores(noise[1])}
        kept += choose_weights(gather_pool(models, holdout))["good"] == 1.0
    assert kept >= 7


def test_nobody_to_choose_on() -> None:
    pool = Pool(
        ("a", "b"),
        np.ones((2, 9), np.bool_),
        np.zeros((0, 4), np.int32),
        np.zeros((2, 0, 4), np.float32),
        np.zeros((0, 4), np.bool_),
        np.zeros(0, np.int64),
    )
    assert choose_weights(pool) == {"a": 0.5, "b": 0.5}


def test_people_whom_no_model_serves_within_k_places() -> None:
    known = np.ones((2, 3), bool)
    item = np.arange(3, dtype=np.int32)[None]
    z = np.array([[[3.0, 2.0, 1.0]], [[2.0, 3.0, 1.0]]], np.float32)
    pool = Pool(("a", "b"), known, item, z, np.array([[False, False, True]]), np.ones(1, np.int64))
    assert choose_weights(pool, k=1) == {"a": 1.0, "b": 0.0}
    unreached = Pool(("a", "b"), known, item, z, np.zeros((1, 3), bool), np.ones(1, np.int64))
    assert choose_weights(unreached, k=1) == {"a": 1.0, "b": 0.0}
