"""Lines, trees and calibrations, as they are fitted for profiles: few settings, none searched."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from shoplens.models.calibration import Calibration
from shoplens.models.profile.predictors import Line, Trees
from shoplens.models.ranker import lightgbm

ENOUGH = 500  # positives from which isotonic steps are trusted; below, Platt's sigmoid
ROUNDS = 150
KNOTS = 64
PENALTY = 0.1  # C of the logistic regression
LEAST_LEAF = 50  # examples in a leaf, of few rows a fiftieth of them

Floats = npt.NDArray[np.float64]


def fit_line(features: Floats, happened: npt.NDArray[np.bool_]) -> Line:
    """Logistic regression on standardised features; the base rate where only one outcome occurs."""
    if happened.all() or not happened.any():
        rate = np.clip(happened.mean(), 1e-4, 1 - 1e-4)
        width = features.shape[1]
        return Line(np.zeros(width), np.ones(width), np.zeros(width), float(np.log(rate / (1 - rate))))
    scaler = StandardScaler().fit(features)
    found = LogisticRegression(C=PENALTY, max_iter=1_000).fit(scaler.transform(features), happened)
    return Line(scaler.mean_, scaler.scale_, found.coef_[0], float(found.intercept_[0]))


def fit_trees(features: Floats, target: npt.NDArray[Any], *, seed: int, quantile: float | None = None) -> Trees:
    """Of a yes or no, or with `quantile` of a number."""
    package = lightgbm()
    params: dict[str, Any] = {
        "objective": "binary" if quantile is None else "quantile",
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": max(1, min(LEAST_LEAF, len(features) // 50)),
        "feature_fraction": 0.8,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
    if quantile is not None:
        params["alpha"] = quantile
    data = package.Dataset(features, np.asarray(target, np.float64), params={"verbose": -1})
    return Trees(package.train(params, data, ROUNDS).model_to_string())


def fit_calibration(score: Floats, happened: npt.NDArray[np.bool_]) -> Calibration:
    """From a probability as predicted to one as observed: isotonic where enough happened, else Platt's sigmoid."""
    rate = float(np.clip(happened.mean(), 1e-4, 1 - 1e-4)) if len(happened) else 0.5
    positives = int(happened.sum())
    if not positives or positives == len(happened) or float(np.ptp(score)) < 1e-9:
        return Calibration(np.array([0.5]), np.array([rate]), "base rate", positives)
    doubt = 1 / (len(happened) + 2)  # nothing is more certain than so many examples can make it
    knots = np.unique(np.quantile(score, np.linspace(0, 1, KNOTS)))
    if min(positives, len(happened) - positives) >= ENOUGH:
        values = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, happened).predict(knots)
        rising = np.clip(np.maximum.accumulate(values), doubt, 1 - doubt)
        return Calibration(knots, rising, "isotonic", positives)
    sigmoid = LogisticRegression(C=1e6, max_iter=1_000).fit(_logit(score)[:, None], happened)
    if float(sigmoid.coef_[0, 0]) <= 0:
        return Calibration(np.array([0.5]), np.array([rate]), "base rate", positives)
    chance = np.clip(sigmoid.predict_proba(_logit(knots)[:, None])[:, 1], doubt, 1 - doubt)
    return Calibration(knots, chance, "platt", positives)


def _logit(chance: Floats) -> Floats:
    clipped = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
