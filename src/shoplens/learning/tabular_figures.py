"""How good a model on a table is, beside the share of ones (or the mean) and the popularity of the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.learning.metrics.classification import classification_report
from shoplens.learning.metrics.probability import probability_metrics, rating_metrics
from shoplens.learning.tabular_reading import Scale
from shoplens.models.fusion.pointwise_rows import Past, Rows

MODEL, POPULARITY, CONSTANT = "model", "product popularity", "base rate"
ROUNDS = 200  # bootstrap samples of the test rows


@dataclass(frozen=True, slots=True)
class Figures:
    """Test figures. `rows`: name of what answers → metric → value; `low` and `high`: 95 % of the model's own."""

    rating: bool
    n: int
    rows: Mapping[str, Mapping[str, float | None]]
    low: Mapping[str, float]
    high: Mapping[str, float]
    classes: Mapping[str, Any] | None  # the classification report, when labels are 0 and 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": self.n,
            **{name: dict(values) for name, values in self.rows.items()},
            "interval_95": {name: [self.low[name], self.high[name]] for name in self.low},
            "classes": None if self.classes is None else dict(self.classes),
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows for people."""
        metrics = list(self.rows[MODEL])
        rows = []
        for name, values in self.rows.items():
            rows.append([name, *("–" if (value := values[metric]) is None else f"{value:.4f}" for metric in metrics)])
            if name == MODEL:
                spans = [f"{self.low[one]:.4f}–{self.high[one]:.4f}" if one in self.low else "–" for one in metrics]
                rows.append(["  95 % interval", *spans])
        return ["test", *metrics], rows


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
    low, high = _interval(rows.label, answers[MODEL], measure, seed)
    classes = None
    if not scale.rating:
        report = classification_report(rows.label.astype(np.int64), answers[MODEL].astype(np.float64), names=("0", "1"))
        classes = report.as_dict()
    return Figures(scale.rating, len(rows), rows_of, low, high, classes)


def _chances(label: npt.NDArray[np.float32], chance: npt.NDArray[np.float32]) -> dict[str, float | None]:
    figures = probability_metrics(label, chance.astype(np.float64))
    return {
        "accuracy": float(((chance > 0.5) == (label > 0.5)).mean()),
        "AUC": figures.auc,
        "log-loss": figures.log_loss,
    }


def _ratings(scale: Scale) -> Any:
    def measure(label: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> dict[str, float | None]:
        figures = rating_metrics(scale.stretch(label), scale.stretch(share))
        return {"RMSE": figures.rmse, "MAE": figures.mae}

    return measure


def _interval(
    label: npt.NDArray[np.float32], answer: npt.NDArray[np.float32], measure: Any, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Bootstrap over test rows."""
    random = np.random.default_rng([seed, 11])
    found: dict[str, list[float]] = {}
    size = min(len(label), 20_000)  # a sample as large as this has its own interval narrow enough
    for _ in range(ROUNDS):
        index = random.integers(0, len(label), size)
        for name, value in measure(label[index], answer[index]).items():
            if value is not None:
                found.setdefault(name, []).append(value)
    spans = {name: np.quantile(values, (0.025, 0.975)) for name, values in found.items()}
    return {name: float(span[0]) for name, span in spans.items()}, {
        name: float(span[1]) for name, span in spans.items()
    }
