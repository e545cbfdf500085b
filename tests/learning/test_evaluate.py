from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import pytest
from learning_cases import GivenScores, Tally, random_log

from shoplens.compute.local import LocalExecutor
from shoplens.domain.dataset import Histories, Interactions, Modality, TrainingData
from shoplens.learning.evaluate import evaluate
from shoplens.learning.holdout import Holdout
from shoplens.learning.split import temporal_split


@pytest.fixture
def log() -> Interactions:
    return random_log()


def brute_force(scores: npt.NDArray[np.float32], holdout: Holdout, k: int) -> dict[str, list[float]]:
    """The definitions, one person and one product at a time."""
    result: dict[str, list[float]] = {"recall": [], "ndcg": [], "mrr": []}
    for n, user in enumerate(holdout.user):
        truth = set(holdout.truth_item[holdout.truth_indptr[n] : holdout.truth_indptr[n + 1]].tolist())
        masked = set(holdout.mask_item[holdout.mask_indptr[n] : holdout.mask_indptr[n + 1]].tolist())
        ranked = sorted((i for i in range(holdout.n_items) if i not in masked), key=lambda i: (-scores[user, i], i))
        ranks = [rank for rank, item in enumerate(ranked, start=1) if item in truth]
        found = [rank for rank in ranks if rank <= k]
        ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(k, len(truth)) + 1))
        result["recall"].append(len(found) / len(truth))
        result["ndcg"].append(sum(1 / np.log2(rank + 1) for rank in found) / ideal)
        result["mrr"].append(1 / ranks[0] if ranks else 0.0)
    return result


@pytest.mark.parametrize("values", [3, 1000])
def test_equal_to_the_definitions(log: Interactions, values: int) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout()
    scores = np.random.default_rng(0).integers(values, size=(len(log.users), len(log.items))).astype(np.float32)
    expected = brute_force(scores, holdout, 7)
    for batch in (None, 1, 7):
        found = evaluate(GivenScores(scores), holdout, ks=(3, 7), batch=batch)
        assert found.per_person["recall@7"].tolist() == pytest.approx(expected["recall"])
        assert found.per_person["ndcg@7"].tolist() == pytest.approx(expected["ndcg"])
        assert found.per_person["mrr"].tolist() == pytest.approx(expected["mrr"])
        assert found.people == len(holdout) > 20
        assert found.low["recall@7"] <= found.means["recall@7"] <= found.high["recall@7"]


def test_the_models_own_array_is_left_alone(log: Interactions) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout()
    matrix = np.zeros((len(log.users), len(log.items)), np.float32)
    evaluate(GivenScores(matrix), holdout)
    assert np.isfinite(matrix).all()


def test_masked_products_are_never_shown(log: Interactions) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout()
    top = evaluate(Tally().fit(TrainingData(log)), holdout, ks=(60,)).top
    for n in range(len(holdout)):
        masked = holdout.mask_item[holdout.mask_indptr[n] : holdout.mask_indptr[n + 1]]
        shown = top[n][top[n] >= 0]
        assert not set(shown.tolist()) & set(masked.tolist())
        assert len(shown) == holdout.n_items - len(masked)


def one_person(truth: list[int], item_events: list[int]) -> Holdout:
    empty = np.zeros(0, np.int32)
    history = Histories.of_one(empty, np.zeros(0, np.float32), np.zeros(0, np.float32), 0)
    pointers = np.array([0, len(truth)])
    return Holdout(
        np.array([0], np.int32),
        history,
        pointers,
        np.array(truth, np.int32),
        np.array([0, 0]),
        empty,
        np.array(item_events),
    )


def test_cold_recall_counts_cold_products_only() -> None:
    scores = GivenScores(np.array([[4, 3, 2, 1]], np.float32))
    found = evaluate(scores, one_person([0, 1, 3], [5, 0, 5, 0]), ks=(1, 2))
    assert found.cold_recall == 0.5
    assert found.row()["cold_recall@2"] == 0.5
    assert evaluate(scores, one_person([0, 2], [5, 0, 5, 0]), ks=(2,)).cold_recall is None


def test_products_outside_the_catalogue_are_misses() -> None:
    scores = GivenScores(np.array([[4, 3, 2, 1]], np.float32))
    found = evaluate(scores, one_person([0, 9], [5, 5, 5, 5]), ks=(2,))
    assert found.means["recall@2"] == 0.5
    assert found.means["mrr"] == 1.0
    assert found.cold_recall == 0.0
    lost = evaluate(scores, one_person([9], [5, 5, 5, 5]), ks=(2,))
    assert (lost.means["recall@2"], lost.means["mrr"]) == (0.0, 0.0)


def test_segments_by_length_of_history(log: Interactions) -> None:
    thin = log.take(np.flatnonzero((log.user % 3 > 0) | (np.arange(len(log)) > 1200)))
    found = evaluate(Tally().fit(TrainingData(log)), temporal_split(thin, 10, 10).valid_holdout())
    assert sum(segment["people"] for segment in found.segments.values()) == found.people
    assert {"0 events", "6+ events"} <= set(found.segments)
    assert set(found.segments["6+ events"]) == {"people", "recall@20", "ndcg@20", "mrr"}


def test_nobody_to_judge_on(log: Interactions) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout().take(np.zeros(0, np.int64))
    found = evaluate(Tally().fit(TrainingData(log)), holdout)
    assert found.people == 0
    assert found.row()["ndcg@20"] is None
    assert found.as_dict()["intervals_95"] == {}


def test_progress_and_diversity(log: Interactions) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout()
    seen: list[tuple[int, int]] = []
    found = evaluate(
        Tally().fit(TrainingData(log)), holdout, batch=9, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (len(holdout), len(holdout))
    vectors = Modality("text", np.eye(60, dtype=np.float32), np.ones(60, np.bool_))
    assert found.diversity(vectors) == pytest.approx(1.0)


def test_broken_models_are_named(log: Interactions) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout()
    with pytest.raises(ValueError, match="'given' scored"):
        evaluate(GivenScores(np.zeros((len(log.users), 3), np.float32)), holdout)
    with pytest.raises(ValueError, match="not finite"):
        evaluate(GivenScores(np.full((len(log.users), len(log.items)), np.nan, np.float32)), holdout)


class Recorded(GivenScores):
    """Notes which threads ask."""

    def __init__(self, matrix: npt.NDArray[np.float32]) -> None:
        super().__init__(matrix)
        self.threads: set[int] = set()
        self.together = threading.Barrier(2, timeout=10)

    def score(self, histories: Histories) -> npt.NDArray[np.float32]:
        self.threads.add(threading.get_ident())
        self.together.wait()  # passes only when two batches are being scored at the same moment
        return super().score(histories)


def test_batches_are_ranked_on_several_cores_with_the_same_result(
    log: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    holdout = temporal_split(log, 20, 10).valid_holdout()
    scores = np.random.default_rng(0).integers(5, size=(len(log.users), len(log.items))).astype(np.float32)
    expected = evaluate(GivenScores(scores), holdout, batch=len(holdout))
    size = -(-len(holdout) // 4)  # four batches, two at a time
    monkeypatch.setattr("shoplens.learning.evaluate.LocalExecutor", lambda: LocalExecutor(2))
    model = Recorded(scores)
    found = evaluate(model, holdout, batch=size)
    assert len(model.threads) == 2
    assert found.top.tobytes() == expected.top.tobytes()
    assert all(found.per_person[name].tobytes() == values.tobytes() for name, values in expected.per_person.items())
