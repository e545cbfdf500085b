"""How good the decisions of a classifier are, always beside what naming the most frequent class would have reached.

The figures are scikit-learn's; here are the checks, the baseline, and one shape for tables and JSON. What cannot be
said (the area under a curve when only one class occurs) is None, and `notes` says why.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning

from shoplens.errors import InputError
from shoplens.learning.metrics.probability import ProbabilityMetrics, probability_metrics

AVERAGES = ("micro", "macro", "weighted")


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One row of the table: a class, or an average over all classes."""

    name: str
    precision: float  # 0 where nothing was predicted
    recall: float  # 0 where nothing was there
    f1: float
    support: int  # examples that truly are of the class


@dataclass(frozen=True, slots=True)
class ClassificationReport:
    """Figures of one classifier on one set of examples."""

    n: int
    accuracy: float
    classes: tuple[ClassFigures, ...]
    averages: Mapping[str, ClassFigures]  # "micro", "macro", "weighted"
    majority: str  # the class that the baseline always names
    baseline: Mapping[str, float]  # accuracy, micro_f1, macro_f1, weighted_f1 of naming it
    auc: float | None = None  # two classes: of the second; more: mean of each against the rest
    average_precision: float | None = None
    log_loss: float | None = None
    baseline_log_loss: float | None = None  # of always giving the classes their shares
    probability: ProbabilityMetrics | None = None  # two classes with probabilities: all about the second
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """For JSON: one level of names, `per_class` by name."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            **{f"{name}_{part}": getattr(one, part) for name, one in self.averages.items() for part in _PARTS},
            "auc": self.auc,
            "average_precision": self.average_precision,
            "log_loss": self.log_loss,
            "probability": None if self.probability is None else self.probability.as_dict(),
            "per_class": {one.name: {k: v for k, v in asdict(one).items() if k != "name"} for one in self.classes},
            "baseline": {"majority": self.majority, **self.baseline, "log_loss": self.baseline_log_loss},
            "notes": list(self.notes),
        }

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of a table for people: classes, averages, accuracy, baseline."""
        body = [*self.classes, *self.averages.values()]
        rows = [
            [one.name, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}", f"{one.support:,}"] for one in body
        ]
        rows.append(["accuracy", "", "", f"{self.accuracy:.4f}", f"{self.n:,}"])
        rows.append([f"accuracy of always {self.majority}", "", "", f"{self.baseline['accuracy']:.4f}", f"{self.n:,}"])
        return ["class", "precision", "recall", "f1", "support"], rows


_PARTS = ("precision", "recall", "f1")


def classification_report(
    truth: npt.ArrayLike,
    predicted_or_probability: npt.ArrayLike,
    names: Sequence[str] | None = None,
    *,
    threshold: float = 0.5,
) -> ClassificationReport:
    """Everything about a classifier's answers.

    `truth`: labels [n], either names or (with or without `names`) rows 0, 1, …. The second argument is told apart by
    its type: labels [n] (text, integers, booleans); floats [n], the probability of the second of two classes, which is
    named from `threshold` on; or floats [n, classes], the probabilities of all. `names` fixes the classes and their
    order; without it they are those that occur. InputError when the shapes or values do not fit.
    """
    answers = np.asarray(predicted_or_probability)
    probable = answers.dtype.kind == "f"
    classes, truth_row = _rows_of_truth(np.asarray(truth), answers, names, probable=probable)
    if len(answers) != len(truth_row):
        raise InputError(f"{len(truth_row)} true labels but {len(answers)} predictions: one for each is needed")
    shares: npt.NDArray[np.float64] | None = None
    if probable:
        shares = _class_probabilities(answers.astype(np.float64), len(classes))
        two = answers.ndim == 1 or shares.shape[1] == 2
        row = (shares[:, 1] >= threshold).astype(np.int64) if two else shares.argmax(axis=1)
    else:
        row = _rows(answers, classes, "predicted")
    return _report(classes, truth_row, row, shares)


def _report(
    classes: Sequence[str],
    truth: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64] | None,
) -> ClassificationReport:
    labels = np.arange(len(classes))
    counts = np.bincount(truth, minlength=len(classes))
    most = int(counts.argmax())
    constant = np.full(len(truth), most)
    table = zip(classes, *_scores(truth, predicted, labels, None), strict=True)
    averages = {name: ClassFigures(name, *_scores(truth, predicted, labels, name), len(truth)) for name in AVERAGES}
    baseline = {f"{name}_f1": float(_scores(truth, constant, labels, name)[2]) for name in AVERAGES}
    notes: list[str] = []
    missing = [name for name, count in zip(classes, counts, strict=True) if not count]
    if missing:
        notes.append(f"no example is truly of: {', '.join(missing)}; their recall is 0 by definition")
    figures: dict[str, Any] = {}
    if shares is not None:
        figures, said = _probable(truth, shares, counts / len(truth))
        notes += said
    return ClassificationReport(
        n=len(truth),
        accuracy=float((truth == predicted).mean()),
        classes=tuple(
            ClassFigures(name, float(p), float(r), float(f), int(count))
            for (name, p, r, f), count in zip(table, counts, strict=True)
        ),
        averages=averages,
        majority=classes[most],
        baseline={"accuracy": float(counts[most] / len(truth)), **baseline},
        **figures,
        notes=tuple(notes),
    )


def _probable(
    truth: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], base: npt.NDArray[np.float64]
) -> tuple[dict[str, Any], list[str]]:
    """What only probabilities [n, classes] can tell, and what could not be told."""
    n, number = shares.shape
    if number == 2:
        two = probability_metrics(truth, shares[:, 1])
        known = {"auc": two.auc, "average_precision": two.average_precision, "log_loss": two.log_loss}
        return {**known, "baseline_log_loss": two.baseline["log_loss"], "probability": two}, list(two.notes)
    labels = np.arange(number)
    present = np.flatnonzero(base > 0)
    notes, auc, precision = [], None, None
    if len(present) < number:
        notes.append("not every class occurs; curves are averaged over those that do")
    if len(present) > 1:
        hot = truth[:, None] == present
        auc = float(np.mean([metrics.roc_auc_score(hot[:, k], shares[:, one]) for k, one in enumerate(present)]))
        precision = float(
            np.mean([metrics.average_precision_score(hot[:, k], shares[:, one]) for k, one in enumerate(present)])
        )
    else:
        notes.append("only one class occurs, so there is no ROC curve")
    return {
        "auc": auc,
        "average_precision": precision,
        "log_loss": float(metrics.log_loss(truth, shares, labels=labels)),
        "baseline_log_loss": float(metrics.log_loss(truth, np.tile(base, (n, 1)), labels=labels)),
    }, notes


def _scores(
    truth: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], average: str | None
) -> tuple[Any, Any, Any]:
    """Precision, recall, F1; arrays [classes] without an average."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # 0 by zero_division, as the dataclass says
        found = metrics.precision_recall_fscore_support(
            truth, predicted, labels=labels, average=average, zero_division=0.0
        )
    first, second, third = found[:3]
    return (first, second, third) if average is None else (float(first), float(second), float(third))


def _rows_of_truth(
    truth: npt.NDArray[Any], answers: npt.NDArray[Any], names: Sequence[str] | None, *, probable: bool
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Names of the classes, and the row of each true label."""
    if truth.ndim != 1 or not len(truth):
        raise InputError("true labels must be one list of at least one label")
    if names is not None:
        classes = [str(name) for name in names]
        if len(set(classes)) < len(classes):
            raise InputError("two classes have the same name")
        return classes, _rows(truth, classes, "true")
    if truth.dtype.kind == "f" and not (np.isfinite(truth).all() and (truth == np.floor(truth)).all()):
        raise InputError("true labels must be classes, not fractions; for ratings use rating_metrics")
    if truth.dtype.kind in "biuf":
        most = answers.shape[1] if probable and answers.ndim == 2 else 2 if probable else 0
        values = truth.astype(np.int64)
        seen = values if probable else np.concatenate([values, answers.astype(np.int64).ravel()])
        classes = [str(row) for row in range(max(int(seen.max()) + 1, most))]
        return classes, _rows(values, classes, "true")
    if probable:
        raise InputError("with probabilities, `names` must say which class each column is")
    classes = sorted({*map(str, truth.tolist()), *map(str, answers.tolist())})
    return classes, _rows(truth, classes, "true")


def _rows(labels: npt.NDArray[Any], classes: Sequence[str], what: str) -> npt.NDArray[np.int64]:
    """Row of each label among the classes; numbers are rows already."""
    if labels.ndim != 1:
        raise InputError(f"{what} labels must be one list, not of shape {labels.shape}")
    if labels.dtype.kind in "biuf":
        rows = labels.astype(np.int64)
        if (rows < 0).any() or (rows >= len(classes)).any():
            raise InputError(
                f"{what} label {rows[(rows < 0) | (rows >= len(classes))][0]} is none of {len(classes)} classes"
            )
        return rows
    place = {name: row for row, name in enumerate(classes)}
    unknown = sorted({str(one) for one in labels.tolist()} - set(place))
    if unknown:
        raise InputError(f"{what} label {unknown[0]!r} is none of the classes {', '.join(classes[:10])}")
    return np.array([place[str(one)] for one in labels.tolist()], np.int64)


def _class_probabilities(answers: npt.NDArray[np.float64], classes: int) -> npt.NDArray[np.float64]:
    """[n, classes], rows sum to 1."""
    if answers.ndim == 1:
        if classes != 2:
            raise InputError(
                f"one probability an example speaks of two classes, there are {classes}; give one column each"
            )
        answers = np.stack([1 - answers, answers], axis=1)
    if answers.ndim != 2 or answers.shape[1] != classes:
        raise InputError(f"probabilities of shape {answers.shape} for {classes} classes")
    if not np.isfinite(answers).all() or (answers < 0).any() or (answers > 1).any():
        raise InputError("probabilities must be finite and lie in [0, 1]; apply the sigmoid or softmax first")
    total = answers.sum(axis=1)
    if np.abs(total - 1).max(initial=0) > 1e-3:
        raise InputError("the probabilities of one example must sum to 1; apply the softmax first")
    return np.asarray(answers / total[:, None], np.float64)
