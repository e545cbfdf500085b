from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from shoplens.errors import InputError
from shoplens.learning.metrics.classification import classification_report
from shoplens.learning.metrics.probability import probability_metrics, rating_metrics

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@settings(deadline=None)
@given(pairs)
def test_figures_are_those_of_the_definitions(rows: list[tuple[int, int]]) -> None:
    truth, said = np.array(rows).T
    report = classification_report(truth, said, names=("a", "b", "c", "d"))
    for row, one in enumerate(report.classes):
        right = ((truth == row) & (said == row)).sum()
        assert one.precision == pytest.approx(right / max((said == row).sum(), 1))
        assert one.recall == pytest.approx(right / max((truth == row).sum(), 1))
        assert one.support == (truth == row).sum()
    supports = np.array([one.support for one in report.classes])
    f1 = np.array([one.f1 for one in report.classes])
    assert report.accuracy == pytest.approx((truth == said).mean())
    assert report.averages["micro"].f1 == pytest.approx(report.accuracy)  # one label each
    assert report.averages["macro"].f1 == pytest.approx(f1.mean())
    assert report.averages["weighted"].f1 == pytest.approx((f1 * supports).sum() / supports.sum())
    assert report.baseline["accuracy"] == pytest.approx(supports.max() / len(truth))
    json.dumps(report.as_dict())


def test_names_decide_order_and_rows_are_a_table() -> None:
    report = classification_report(["yes", "no", "yes", "yes"], ["yes", "yes", "no", "yes"], names=["no", "yes"])
    header, rows = report.rows()
    assert header == ["class", "precision", "recall", "f1", "support"]
    assert [row[0] for row in rows] == ["no", "yes", "micro", "macro", "weighted", "accuracy", "accuracy of always yes"]
    assert all(len(row) == len(header) for row in rows)
    assert report.majority == "yes"
    assert report.as_dict()["per_class"]["yes"]["recall"] == pytest.approx(2 / 3)
    assert classification_report(["b", "a"], ["a", "c"]).classes[2].name == "c"


def test_one_probability_each_speaks_of_two_classes() -> None:
    report = classification_report([0, 1, 1, 0], np.array([0.1, 0.9, 0.4, 0.2]))
    assert report.accuracy == 0.75
    assert report.auc == 1.0
    assert report.probability is not None
    assert report.log_loss == report.probability.log_loss
    assert report.baseline_log_loss == pytest.approx(np.log(2))
    assert classification_report([0, 1, 1, 0], np.array([0.1, 0.9, 0.4, 0.2]), threshold=0.3).accuracy == 1.0


def test_probabilities_of_many_classes() -> None:
    shares = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2]])
    report = classification_report(["x", "y", "z", "y"], shares, names=["x", "y", "z"])
    assert report.accuracy == 0.75
    assert report.log_loss == pytest.approx(-np.mean(np.log([0.8, 0.7, 0.8, 0.3])))
    assert report.auc == pytest.approx((1 + 1 + 1) / 3)
    assert "not every class" in classification_report([0, 1], shares[:2]).notes[1]
    assert classification_report([0, 0], shares[:2]).auc is None


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_probabilities_against_outcomes(rows: list[tuple[int, float]]) -> None:
    truth, chance = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = probability_metrics(truth, chance)
    above = [(p > q) + (p == q) / 2 for p in chance[truth == 1] for q in chance[truth == 0]]
    if above:
        assert found.auc == pytest.approx(np.mean(above))
    else:
        assert found.auc is None
        assert "only outcome" in found.notes[0]
    assert found.brier == pytest.approx(((chance - truth) ** 2).mean())
    assert found.rmse == pytest.approx(np.sqrt(found.brier))
    assert found.baseline["brier"] == pytest.approx(truth.mean() * (1 - truth.mean()))
    json.dumps(found.as_dict(), allow_nan=False)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 1e-18, 0.2, 0.5, 1.0])), min_size=2, max_size=40))
def test_figures_of_probabilities_are_those_of_scikit_learn(rows: list[tuple[int, float]]) -> None:
    truth, chance = np.array([0, 1, *(row[0] for row in rows)]), np.array([0.2, 0.5, *(row[1] for row in rows)])
    found = probability_metrics(truth, chance)
    assert found.auc == pytest.approx(metrics.roc_auc_score(truth, chance))
    assert found.average_precision == pytest.approx(metrics.average_precision_score(truth, chance))
    assert found.log_loss == pytest.approx(metrics.log_loss(truth, np.stack([1 - chance, chance], axis=1)))


def test_the_baseline_may_come_from_training() -> None:
    found = probability_metrics([0, 1], [0.0, 1.0], base_rate=0.25)
    assert found.baseline["brier"] == pytest.approx((0.0625 + 0.5625) / 2)
    assert rating_metrics([1, 3], [1, 2], constant=1).baseline == {"rmse": pytest.approx(2**0.5), "mae": 1.0}


def test_ratings() -> None:
    found = rating_metrics([1.0, 5.0, 3.0], [2.0, 5.0, 3.0])
    assert found.rmse == pytest.approx((1 / 3) ** 0.5)
    assert found.mae == pytest.approx(1 / 3)
    assert found.constant == 3.0
    assert found.as_dict()["baseline"]["mae"] == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("function", "truth", "answer", "words"),
    [
        (classification_report, [0, 1], [0, 1, 1], "one for each"),
        (classification_report, [], [], "at least one"),
        (classification_report, [0.5, 1], [0, 1], "not fractions"),
        (classification_report, [0, -1], [0, 1], "none of"),
        (classification_report, [0, 1, 2], [0.1, 0.2, 0.3], "one column each"),
        (classification_report, [0, 1], [[0.5, 0.2], [0.5, 0.5]], "sum to 1"),
        (classification_report, [0, 1], [0.5, 1.5], "lie in"),
        (classification_report, ["a", "b"], [0.5, 0.5], "names"),
        (probability_metrics, [0, 1], [0.5, 1.5], "go from"),
        (probability_metrics, [0, 3], [0.5, 0.5], "rating_metrics"),
        (probability_metrics, [0, 1], [0.5, np.nan], "not finite"),
        (rating_metrics, [1], [1, 2], "one for each"),
        (rating_metrics, ["a"], [1.0], "must be numbers"),
        (rating_metrics, [], [], "at least one"),
    ],
)
def test_refusals_say_what_is_wrong(function: Any, truth: list[Any], answer: list[Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        function(truth, answer)
