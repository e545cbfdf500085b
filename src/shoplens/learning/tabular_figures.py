"""How good a model on a table is, beside the share of ones (or the mean) and the popularity of the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.learning.metrics.classification import ClassificationReport, classification_report
from shoplens.learning.metrics.probability import area_under_roc, log_loss, rating_metrics
from shoplens.learning.tabular_reading import Scale
from shoplens.models.fusion.pointwise_rows import Past, Rows

MODEL, POPULARITY, CONSTANT = "model", "product popularity", "base rate"
AHEAD = "model − popularity"
ROUNDS = 200  # bootstrap samples
MOST = 20_000  # rows of one, about


Measured = Mapping[str, float | None]  # metric → value
Spans = Mapping[str, tuple[float, float]]  # metric → 95 % interval


@dataclass(frozen=True, slots=True)
class Figures:
    """Test figures, by what answers: the model, the popularity of the product, the base rate."""

    rating: bool
    n: int
    rows: Mapping[str, Measured]
    spans: Mapping[str, Spans]  # bootstrap over the people of the test rows
    ahead: Spans  # of the model's metric minus that of popularity, on the same rows
    classes: ClassificationReport | None  # of the model, when labels are 0 and 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": self.n,
            **{name: dict(values) for name, values in self.rows.items()},
            "interval_95": {name: {key: list(span) for key, span in of.items()} for name, of in self.spans.items()},
            "model minus popularity": {
                name: {"difference": self._gap(name), "interval_95": list(span)} for name, span in self.ahead.items()
            },
            "classes": None if self.classes is None else self.classes.as_dict(),
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows for people."""
        metrics = list(self.rows[MODEL])
        rows = []
        for name, values in self.rows.items():
            rows.append([name, *("–" if (value := values[metric]) is None else f"{value:.4f}" for metric in metrics)])
            rows.append(["  95 % interval", *(_span(self.spans[name].get(metric)) for metric in metrics)])
        rows.append([AHEAD, *(f"{self._gap(one):+.4f}" if one in self.ahead else "–" for one in metrics)])
        rows.append(["  95 % interval", *(_span(self.ahead.get(metric), sign=True) for metric in metrics)])
        return ["test", *metrics], rows

    def _gap(self, metric: str) -> float:
        return (self.rows[MODEL][metric] or 0.0) - (self.rows[POPULARITY][metric] or 0.0)


def _span(span: tuple[float, float] | None, *, sign: bool = False) -> str:
    if span is None:
        return "–"
    low, high = span
    return f"{low:+.3f} to {high:+.3f}" if sign else f"{low:.4f}–{high:.4f}"  # fits into 80 columns


def judge(rows: Rows, answer: npt.NDArray[np.float32], past: Past, scale: Scale, base: float, seed: int) -> Figures:
    """The model's answers on [0, 1] against the labels of `rows`, and what simpler answers reach.

    `base`: mean label of the training rows. Popularity is the product's mean label so far, shrunk to the base rate.
    """
    answers = {
        MODEL: np.clip(answer, 0, 1),
        POPULARITY: past.product_rates(rows),
        CONSTANT: np.full(len(rows), base, np.float32),
    }
    measure = _ratings(scale) if scale.rating else _chances
    rows_of = {name: measure(rows.label, one) for name, one in answers.items()}
    spans, ahead = _intervals(rows.user, rows.label, answers, measure, seed)
    classes = None
    if not scale.rating:
        truth = rows.label.astype(np.int64)
        classes = classification_report(truth, answers[MODEL].astype(np.float64), names=("0", "1"))
    return Figures(scale.rating, len(rows), rows_of, spans, ahead, classes)


def _chances(label: npt.NDArray[np.float32], chance: npt.NDArray[np.float32]) -> dict[str, float | None]:
    truth, exact = label.astype(np.int64), chance.astype(np.float64)
    return {
        "accuracy": float(((chance >= 0.5) == (label > 0.5)).mean()),
        "AUC": area_under_roc(truth, exact) if 0 < truth.sum() < len(truth) else None,
        "log-loss": log_loss(truth, exact),
    }


def _ratings(scale: Scale) -> Any:
    def measure(label: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> dict[str, float | None]:
        figures = rating_metrics(scale.stretch(label), scale.stretch(share))
        return {"RMSE": figures.rmse, "MAE": figures.mae}

    return measure


def _intervals(
    people: npt.NDArray[np.integer],
    label: npt.NDArray[np.float32],
    answers: Mapping[str, npt.NDArray[np.float32]],
    measure: Any,
    seed: int,
) -> tuple[dict[str, Spans], Spans]:
    """Bootstrap over people with all their test rows, the same ones for all answers: intervals of each, and of the
    model's lead. People that training did not know (-1) cannot be told apart: each of their rows counts as one.

    Of many rows a part is drawn, and what varies is narrowed by the root of that part (Politis & Romano 1994).
    """
    random = np.random.default_rng([seed, 11])
    found: dict[str, dict[str, list[float]]] = {name: {} for name in (*answers, AHEAD)}
    order, starts, counts = _by_person(people)
    drawn = max(1, round(len(starts) * min(1.0, MOST / len(label))))
    for _ in range(ROUNDS):
        chosen = random.integers(0, len(starts), drawn)
        ends = np.cumsum(counts[chosen])
        index = order[np.arange(ends[-1]) + np.repeat(starts[chosen] - ends + counts[chosen], counts[chosen])]
        measured = {name: measure(label[index], answer[index]) for name, answer in answers.items()}
        for metric, value in measured[MODEL].items():
            if value is None:  # one class only among these rows
                continue
            for name, values in measured.items():
                found[name].setdefault(metric, []).append(values[metric])
            found[AHEAD].setdefault(metric, []).append(value - measured[POPULARITY][metric])
    part = drawn / len(starts)
    spans = {name: {metric: _middle(values, part) for metric, values in of.items()} for name, of in found.items()}
    return {name: spans[name] for name in answers}, spans[AHEAD]


def _by_person(people: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int64], ...]:
    """Rows in an order in which those of a person stand together [n], and where each person begins and how many rows
    they have. [people]"""
    apart = np.where(people < 0, -1 - np.arange(len(people)), people)
    order = np.argsort(apart, kind="stable")
    _, starts, counts = np.unique(apart[order], return_index=True, return_counts=True)
    return order, starts, counts


def _middle(values: list[float], part: float) -> tuple[float, float]:
    centre = float(np.mean(values))
    low, high = centre + (np.quantile(values, (0.025, 0.975)) - centre) * part**0.5
    return float(low), float(high)
