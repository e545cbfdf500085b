"""What people will probably do: whether they come back, when, and for which category. Each as learnt, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.models.calibration import Calibration
from shoplens.models.profile.categories import PAIR_FEATURES
from shoplens.models.profile.predictors import (
    Floats,
    Predictor,
    calibration_dict,
    read_calibration,
    read_predictor,
)

LEAST_VISITS = 2  # before anything is predicted


@dataclass(frozen=True, slots=True)
class Churn:
    """The probability that somebody who came within the last `horizon_days` does not come in the next."""

    predictor: Predictor
    calibration: Calibration
    horizon_days: float
    base_rate: float

    def probability(self, features: Floats) -> Floats:
        """Calibrated. [n_people]"""
        return self.calibration(self.predictor.predict(features))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "predictor": self.predictor.as_dict(),
            "calibration": calibration_dict(self.calibration),
            "horizon_days": self.horizon_days,
            "base_rate": self.base_rate,
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """What `as_dict` gave."""
        calibration = read_calibration(kept["calibration"])
        return cls(read_predictor(kept["predictor"]), calibration, kept["horizon_days"], kept["base_rate"])


@dataclass(frozen=True, slots=True)
class Due:
    """Quantiles of the days until the next visit. A quantile at `horizon_days` means: not within them."""

    quantiles: tuple[float, ...]
    predictors: tuple[Predictor, ...]
    horizon_days: float

    def days(self, features: Floats) -> Floats:
        """Rising within a row, in [0, horizon_days]. [n_people, n_quantiles]"""
        found = np.stack([one.predict(features) for one in self.predictors], axis=1)
        return np.sort(np.clip(np.expm1(found), 0, self.horizon_days), axis=1)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "quantiles": list(self.quantiles),
            "predictors": [one.as_dict() for one in self.predictors],
            "horizon_days": self.horizon_days,
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """What `as_dict` gave."""
        return cls(tuple(kept["quantiles"]), tuple(map(read_predictor, kept["predictors"])), kept["horizon_days"])


@dataclass(frozen=True, slots=True)
class NextCategory:
    """How probable each category is in somebody's next visit; `popular`: share of visits with it. [n_categories]"""

    field: str  # which level of the category, see `traits`
    predictor: Predictor | None  # None: how often it was in the person's visits is as good
    calibration: Calibration
    popular: npt.NDArray[np.float64]

    def score(self, features: Floats) -> Floats:
        """Of pairs [n, len(PAIR_FEATURES)], before calibration. [n]"""
        if self.predictor is None:
            return np.asarray(np.exp(features[:, PAIR_FEATURES.index("share")]))
        return self.predictor.predict(features)

    def probability(self, features: Floats) -> Floats:
        """Calibrated. [n]"""
        return self.calibration(self.score(features))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "field": self.field,
            "predictor": None if self.predictor is None else self.predictor.as_dict(),
            "calibration": calibration_dict(self.calibration),
            "popular": self.popular.tolist(),
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """What `as_dict` gave."""
        predictor = None if kept["predictor"] is None else read_predictor(kept["predictor"])
        popular = np.array(kept["popular"], np.float64)
        return cls(kept["field"], predictor, read_calibration(kept["calibration"]), popular)
