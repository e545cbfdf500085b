"""How good probabilities and ratings are, always beside what one constant answer would have reached.

The figures are scikit-learn's, computed without its checks of each argument: intervals ask for them hundreds of times.
What cannot be said (the area under a curve when only one outcome occurs) is None, and `notes` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.errors import InputError


@dataclass(frozen=True, slots=True)
class ProbabilityMetrics:
    """Probabilities against outcomes of 0 and 1. `baseline`: log_loss, brier, rmse, mae of the constant `base_rate`."""

    n: int
    positives: int
    auc: float | None  # area under the ROC curve; None when only one outcome occurs
    average_precision: float | None  # None without a positive
    log_loss: float  # natural logarithm
    brier: float
    rmse: float
    mae: float
    base_rate: float
    baseline: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class RatingMetrics:
    """Numbers against numbers. `baseline`: rmse and mae of always saying `constant`."""

    n: int
    rmse: float
    mae: float
    constant: float
    baseline: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def probability_metrics(
    truth: npt.ArrayLike, probability: npt.ArrayLike, *, base_rate: float | None = None
) -> ProbabilityMetrics:
    """Probabilities [n] in [0, 1] against outcomes [n] of 0 and 1.

    `base_rate` is what the baseline always says: the share of positives in the training data, or, by default, the one
    in `truth` itself, which is the best any constant can be.
    """
    happened = _numbers(truth, "truth")
    chance = _numbers(probability, "probability")
    _same_length(happened, chance)
    if not np.isin(happened, (0, 1)).all():
        raise InputError("outcomes must be 0 or 1; for ratings on a scale use rating_metrics")
    if (chance < 0).any() or (chance > 1).any():
        raise InputError(
            f"probabilities must lie in [0, 1], these go from {chance.min():g} to {chance.max():g}; "
            "apply the sigmoid or the calibration first"
        )
    label = happened.astype(np.int64)
    positives = int(label.sum())
    rate = positives / len(label) if base_rate is None else float(base_rate)
    if not 0 <= rate <= 1:
        raise InputError("a base rate lies in [0, 1]")
    notes: tuple[str, ...] = ()
    both = 0 < positives < len(label)
    if not both:
        notes = (f"only outcome {int(positives > 0)} occurs, so there is no ROC curve",)
    return ProbabilityMetrics(
        n=len(label),
        positives=positives,
        auc=area_under_roc(label, chance) if both else None,
        average_precision=_average_precision(label, chance) if positives else None,
        **_distances(label, chance),
        base_rate=rate,
        baseline=_distances(label, np.full(len(label), rate)),
        notes=notes,
    )


def rating_metrics(truth: npt.ArrayLike, predicted: npt.ArrayLike, *, constant: float | None = None) -> RatingMetrics:
    """Predicted numbers [n] against true ones [n]. `constant` is the baseline's answer: the mean of the training data,
    or, by default, the mean of `truth` itself, which no constant can better in RMSE."""
    true, said = _numbers(truth, "truth"), _numbers(predicted, "predicted")
    _same_length(true, said)
    fixed = float(true.mean()) if constant is None else float(constant)
    return RatingMetrics(
        len(true), **_errors(true, said), constant=fixed, baseline=_errors(true, np.full(len(true), fixed))
    )


def area_under_roc(label: npt.NDArray[np.int64], chance: npt.NDArray[np.float64]) -> float:
    """Share of pairs of a positive and a negative [n] in which the positive has the larger chance [n]; ties count half.
    Both have to occur."""
    _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2  # the middle of those that tie
    positives = int(label.sum())
    above = rank[place][label == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(label) - positives)))


def log_loss(label: npt.NDArray[np.int64], chance: npt.NDArray[np.float64]) -> float:
    """Mean negative logarithm of what the outcome's chance was, which is never taken for zero."""
    smallest = np.finfo(np.float64).eps
    return float(-np.log(np.clip(np.where(label == 1, chance, 1 - chance), smallest, 1 - smallest)).mean())


def _average_precision(label: npt.NDArray[np.int64], chance: npt.NDArray[np.float64]) -> float:
    """Precision at each chance that some positive has, weighed by the positives that come with it."""
    _, place, counts = np.unique(-chance, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=label)
    precision = np.cumsum(hits) / np.cumsum(counts)
    return float((precision * hits).sum() / hits.sum())


def _distances(label: npt.NDArray[np.int64], chance: npt.NDArray[np.float64]) -> dict[str, float]:
    return {
        "log_loss": log_loss(label, chance),
        "brier": float(((chance - label) ** 2).mean()),
        **_errors(label.astype(np.float64), chance),
    }


def _errors(true: npt.NDArray[np.float64], said: npt.NDArray[np.float64]) -> dict[str, float]:
    away = np.abs(true - said)
    return {"rmse": float(np.sqrt((away**2).mean())), "mae": float(away.mean())}


def _numbers(values: npt.ArrayLike, what: str) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "biuf":
        raise InputError(f"{what} must be numbers, not {numbers.dtype}")
    if numbers.ndim != 1 or not len(numbers):
        raise InputError(f"{what} must be one list of at least one number, not of shape {numbers.shape}")
    numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{what} holds {int((~np.isfinite(numbers)).sum())} values that are not finite")
    return numbers


def _same_length(truth: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> None:
    if len(truth) != len(other):
        raise InputError(f"{len(truth)} true values but {len(other)} predictions: one for each is needed")
