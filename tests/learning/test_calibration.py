from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from learning_cases import GivenScores, Tally, random_log

from shoplens.domain.dataset import Histories, TrainingData
from shoplens.learning import calibration
from shoplens.learning.calibration import Pairs, calibrate, fit, gather_pairs, measure
from shoplens.learning.holdout import Holdout
from shoplens.learning.split import temporal_split


def shop_of_chance(people: int, items: int = 60, seed: int = 0) -> tuple[Holdout, GivenScores, npt.NDArray[np.float64]]:
    """People who take each product with the probability that its score says: 0.5 · sigmoid(score - 1)."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(people, items)).astype(np.float32)
    chance = 0.5 / (1 + np.exp(1 - scores.astype(np.float64)))
    taken = random.random(scores.shape) < chance
    taken[:, 0] |= ~taken.any(axis=1)  # a holdout asks only people who took something
    owner, item = np.nonzero(taken)
    nothing = np.zeros(0, np.int32)
    empty = np.zeros(people + 1, np.int64)
    rows = np.arange(people, dtype=np.int32)
    histories = Histories(empty, nothing, nothing.astype(np.float32), nothing.astype(np.float32), rows)
    pointers = np.searchsorted(owner, np.arange(people + 1)).astype(np.int64)
    holdout = Holdout(rows, histories, pointers, item.astype(np.int32), empty, nothing, np.ones(items, np.int64))
    return holdout, GivenScores(scores), chance


@pytest.mark.parametrize("people", [30, 600])
def test_finds_the_probability_behind_the_score(people: int) -> None:
    holdout, model, _ = shop_of_chance(people)
    found = calibrate(model, holdout)
    assert found is not None
    assert found.calibration.method == ("platt" if people == 30 else "isotonic")
    grid = np.array([-1.0, 0.0, 1.0, 2.0])
    truth = 0.5 / (1 + np.exp(1 - grid))
    assert found.calibration(grid) == pytest.approx(truth, abs=0.09 if people == 30 else 0.03)
    for figures in (found.reliability.shown, found.reliability.catalogue):
        assert figures["brier"] < figures["baseline_brier"]
        assert figures["log_loss"] < figures["baseline_log_loss"]
        assert figures["ece"] < (0.08 if people == 30 else 0.02)
    assert sum(one["count"] for one in found.reliability.bins) == found.reliability.shown["n"] == people * 20
    json.dumps(found.reliability.as_dict(), allow_nan=False)


def test_drawn_pairs_stand_for_the_whole_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "NEAR", 20)
    monkeypatch.setattr(calibration, "OTHERS", 5)
    holdout, model, _ = shop_of_chance(200)
    pairs = gather_pairs(model, holdout)
    assert len(pairs) < 200 * 60
    assert pairs.weight.sum() == pytest.approx(200 * 60)
    assert pairs.taken.sum() == holdout.relevant.sum()
    assert pairs.shown.sum() == 200 * 20
    found = fit(pairs)
    assert found(np.array([0.0]))[0] == pytest.approx(0.5 / (1 + np.e), abs=0.03)


def test_masked_products_are_no_examples() -> None:
    split = temporal_split(random_log(), 20, 10)
    holdout = split.valid_holdout()
    pairs = gather_pairs(Tally().fit(TrainingData(split.train)), holdout)
    allowed = holdout.n_items * len(holdout) - len(holdout.mask_item)
    assert pairs.weight.sum() == pytest.approx(allowed)
    assert np.isfinite(pairs.score).all()


def test_figures_come_from_people_that_the_line_did_not_see() -> None:
    """Scores that mean nothing: a line judged on its own people would look better than the base rate."""
    holdout, _, _ = shop_of_chance(120)
    noise = GivenScores(np.random.default_rng(8).normal(size=(120, 60)).astype(np.float32))
    found = calibrate(noise, holdout)
    assert found is not None
    assert found.reliability.catalogue["log_loss"] >= found.reliability.catalogue["baseline_log_loss"] * 0.999


def test_holds_on_other_people() -> None:
    holdout, model, _ = shop_of_chance(500)
    found = calibrate(model, holdout)
    assert found is not None
    others, same, _ = shop_of_chance(300, seed=1)
    later = measure(found.calibration, same, others)
    assert later is not None
    assert later.shown["ece"] < 0.03
    assert measure(found.calibration, same, others.take(np.zeros(0, np.int64))) is None


def test_few_people_are_asked_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "PEOPLE", 40)
    holdout, model, _ = shop_of_chance(100)
    assert len(np.unique(gather_pairs(model, holdout).person)) == 40


def test_nothing_to_learn_from_gives_no_calibration() -> None:
    holdout, model, _ = shop_of_chance(5)
    assert calibrate(model, holdout.take(np.zeros(0, np.int64))) is None
    elsewhere = Holdout(
        holdout.user,
        holdout.histories,
        holdout.truth_indptr,
        holdout.truth_item + 100,
        holdout.mask_indptr,
        holdout.mask_item,
        holdout.item_events,
    )
    assert calibrate(model, elsewhere) is None


def test_scores_that_say_the_opposite_give_the_base_rate() -> None:
    taken = np.array([True] * 10 + [False] * 30)
    score = np.concatenate([np.full(10, -1.0), np.full(30, 1.0)])
    pairs = Pairs(np.zeros(40, np.int32), score, taken, np.ones(40), taken)
    assert fit(pairs)([-1.0, 1.0]).tolist() == [0.25, 0.25]


def test_one_person_and_equal_scores() -> None:
    holdout, _, _ = shop_of_chance(1)
    found = calibrate(GivenScores(np.zeros((1, 60), np.float32)), holdout)
    assert found is not None
    assert found.calibration([5.0])[0] == pytest.approx(holdout.relevant[0] / 60)
