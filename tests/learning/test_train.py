from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from learning_cases import Tally, random_log

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.errors import ConfigurationError, InputError
from shoplens.learning.evaluate import evaluate
from shoplens.learning.split import Split, temporal_split
from shoplens.learning.train import BLEND, Trained, fit_again, train
from shoplens.models.base import Scores


class Guess:
    """Random scores from a seed, with a curve as models that learn in epochs have."""

    name = "guess"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.history: list[dict[str, float]] = []
        self.progress: Any = None

    def fit(self, data: TrainingData) -> Self:
        self.n_items = len(data.interactions.items)
        self.history = [{"epoch": 1.0, "loss": 0.5, "valid_ndcg": 0.1}]
        if self.progress is not None:
            self.progress(1, 1, self.history[0])
        return self

    def score(self, histories: Histories) -> Scores:
        row = np.random.default_rng(self.seed).random(self.n_items)
        return np.tile(row, (len(histories), 1)).astype(np.float32)

    def save(self, folder: Path) -> None:
        raise AssertionError("not saved here")

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise AssertionError("not loaded here")


def run(split: Split, **settings: Any) -> Trained:
    factories = {"tally": Tally, "guess": Guess}
    return train(
        TrainingData(split.train),
        split.valid_holdout(repeat=True),
        models=("tally", "guess"),
        factories=factories,
        **settings,
    )


def test_fits_judges_and_blends() -> None:
    split = temporal_split(random_log(), 20, 10)
    stages: list[str] = []
    trained = run(split, progress=lambda what, done, total: stages.append(what))
    assert list(trained.valid) == ["tally", "guess", BLEND]
    assert trained.best == max(trained.valid, key=lambda name: trained.valid[name].means["ndcg@20"])
    assert trained.weights["tally"] > trained.weights["guess"]
    assert set(trained.train_seconds) == {"tally", "guess", BLEND}
    assert trained.curves == {"guess": [{"epoch": 1.0, "loss": 0.5, "valid_ndcg": 0.1}]}
    assert list(dict.fromkeys(stages)) == [
        "fit tally",
        "fit guess",
        "validate tally",
        "validate guess",
        "choose the blend",
        "validate blend",
        "learn to rank",
    ]
    assert trained.recommender("tally") is trained.models["tally"]
    assert trained.recommender(BLEND) is trained.blend


def test_same_seed_same_choice() -> None:
    split = temporal_split(random_log(), 20, 10)
    first, second = run(split, seed=3), run(split, seed=3)
    assert first.weights == second.weights
    assert first.valid[BLEND].means == second.valid[BLEND].means


def test_blend_is_judged_without_seeing_its_own_people() -> None:
    """Each half's lists come from weights chosen on the other half: flipping one half's truth changes the other's."""
    holdout = temporal_split(random_log(), 20, 10).valid_holdout(repeat=True)
    data = TrainingData(temporal_split(random_log(), 20, 10).train)
    trained = train(data, holdout, models=("tally",), factories={"tally": Tally})
    alone = evaluate(trained.models["tally"], holdout)
    assert (trained.valid[BLEND].top == alone.top).all()  # one model: nothing to choose, so nothing may differ
    assert trained.valid[BLEND].means["mrr"] == pytest.approx(alone.means["mrr"])


def test_fit_again_learns_more_and_keeps_the_choice() -> None:
    split = temporal_split(random_log(), 20, 10)
    trained = run(split)
    again = fit_again(trained, TrainingData(split.before_test), factories={"tally": Tally, "guess": Guess})
    assert again.refitted
    assert again.weights == trained.weights
    assert again.valid is trained.valid
    before, after = trained.models["tally"], again.models["tally"]
    assert isinstance(before, Tally)
    assert isinstance(after, Tally)
    assert after.count.sum() > before.count.sum()
    assert before is not after


@pytest.mark.parametrize("later", ["changed", "removed", "other people"])
def test_nothing_after_the_cut_reaches_training_or_validation(later: str) -> None:
    """Whatever happens in the test period, every score, weight and figure from before stays the same to the bit."""
    log = random_log()
    split = temporal_split(log, 20, 10)
    assert split.test_cut is not None
    random = np.random.default_rng(9)
    in_test = log.timestamp >= split.test_cut
    item, user, weight = log.item.copy(), log.user.copy(), log.weight.copy()
    if later == "changed":
        item[in_test] = random.integers(len(log.items), size=in_test.sum())
        weight[in_test] = -1
    if later == "other people":
        user[in_test] = random.integers(len(log.users), size=in_test.sum())
    other = Interactions(log.users, log.items, user, item, weight, log.timestamp)
    if later == "removed":
        last = np.flatnonzero(in_test)[-1]  # keeps the last day, and so the cuts
        other = other.take(~in_test | (np.arange(len(log)) == last))
    changed = temporal_split(other, 20, 10)
    assert changed.test_cut == split.test_cut
    ours, theirs = split.valid_holdout(), changed.valid_holdout()
    for name in ("user", "truth_indptr", "truth_item", "mask_indptr", "mask_item", "item_events"):
        assert (getattr(ours, name) == getattr(theirs, name)).all()
    assert (ours.histories.age_days == theirs.histories.age_days).all()
    models = ("popularity", "item-knn", "linear")
    first = train(TrainingData(split.train), ours, models=models)
    second = train(TrainingData(changed.train), theirs, models=models)
    assert first.weights == second.weights
    assert first.best == second.best
    for name in (*models, BLEND):
        assert first.valid[name].means == second.valid[name].means
        asked = ours.histories
        assert (first.recommender(name).score(asked) == second.recommender(name).score(asked)).all()


def test_nobody_on_validation() -> None:
    split = temporal_split(random_log(), 20, 10)
    nobody = split.valid_holdout().take(np.zeros(0, np.int64))
    trained = train(
        TrainingData(split.train), nobody, models=("tally", "guess"), factories={"tally": Tally, "guess": Guess}
    )
    assert trained.weights == {"tally": 0.5, "guess": 0.5}
    assert trained.best == BLEND


def test_refused_trainings_say_why() -> None:
    split = temporal_split(random_log(), 20, 10)
    holdout = split.valid_holdout()
    with pytest.raises(InputError, match="at least one model"):
        train(TrainingData(split.train), holdout, models=())
    with pytest.raises(InputError, match="ingest an event log"):
        train(TrainingData(split.train.take(np.zeros(len(split.train), np.bool_))), holdout)
    with pytest.raises(ConfigurationError, match="no models named 'magic'"):
        train(TrainingData(split.train), holdout, models=("magic",))
