"""Functions from features to a number, as they are kept in a bundle: a line, or trees. Nothing is unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from shoplens.errors import BundleError
from shoplens.models.calibration import Calibration
from shoplens.models.ranker import lightgbm

Floats = npt.NDArray[np.float64]


class Predictor(Protocol):
    """One number for each row of features."""

    def predict(self, features: Floats) -> Floats:
        """[n, n_features] → [n]"""
        ...

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `read_predictor` reads it."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """Logistic regression on standardised features."""

    mean: Floats
    scale: Floats
    weight: Floats
    bias: float

    def predict(self, features: Floats) -> Floats:
        """Probabilities."""
        return np.asarray(expit((features - self.mean) / self.scale @ self.weight + self.bias), np.float64)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "scale", "weight")}
        return {"line": {**arrays, "bias": self.bias}}


class Trees:
    """Gradient-boosted trees of LightGBM."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._booster = lightgbm().Booster(model_str=text)

    def predict(self, features: Floats) -> Floats:
        """Probabilities, or what a quantile is of."""
        if not len(features):
            return np.zeros(0)
        return np.asarray(self._booster.predict(features, num_threads=1), np.float64)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"trees": self.text}


def read_predictor(kept: dict[str, Any]) -> Predictor:
    """What `as_dict` gave. BundleError when it is neither."""
    if "trees" in kept:
        return Trees(str(kept["trees"]))
    if "line" in kept:
        mean, scale, weight = (np.array(kept["line"][name], np.float64) for name in ("mean", "scale", "weight"))
        return Line(mean, scale, weight, float(kept["line"]["bias"]))
    raise BundleError("a profile's prediction is of no known kind; train again")


def calibration_dict(one: Calibration) -> dict[str, Any]:
    """For JSON."""
    return {"score": one.score.tolist(), "probability": one.probability.tolist(), "method": one.method}


def read_calibration(kept: dict[str, Any]) -> Calibration:
    """What `calibration_dict` gave."""
    score, probability = (np.array(kept[name], np.float64) for name in ("score", "probability"))
    return Calibration(score, probability, str(kept["method"]), 0)
