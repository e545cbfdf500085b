"""Whether and when people come back: fitted on older moments, chosen on validation, judged once on the newest period.

Baselines: always the base rate; a logistic curve of recency alone; logistic regression on recency, frequency and money.
For the day: the person's own median gap, counted from the latest visit; the shop's median.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shoplens.learning.profile.fitting import fit_calibration, fit_line, fit_trees
from shoplens.learning.profile.moments import Moment, together
from shoplens.learning.profile.reliability import (
    Floats,
    bins_of,
    calibration_error,
    difference,
    interval,
    probabilities_told,
)
from shoplens.models.profile.forecasts import Churn, Due
from shoplens.models.profile.habits import FEATURES
from shoplens.models.profile.predictors import Predictor

QUANTILES = (0.1, 0.5, 0.9)
RFM = tuple(FEATURES.index(name) for name in ("recency", "visits", "money_91"))


@dataclass(frozen=True, slots=True)
class Returning:
    """What ships, and figures."""

    churn: Churn
    due: Due | None  # None: the person's own rhythm says it as well
    figures: dict[str, Any] = field(default_factory=dict)


def learn_returning(moments: Sequence[Moment], horizon: float, *, seed: int) -> Returning | None:
    """`moments` newest first. None when there are fewer than three with people in them."""
    some = [one for one in moments if len(one.people)]
    if len(some) < 3:
        return None
    test, valid, older = some[0], some[1], some[2:]
    kind, told = _choose_churn(older, valid, seed)
    judged = _fit_churn(kind, older, valid, horizon, seed)
    figures = {"horizon_days": horizon, "chosen": kind, "validation": told, **_judge(judged, older, test, seed)}
    shipped = _fit_churn(kind, some[1:], test, horizon, seed)
    whole = Churn(_predictor(kind, some, seed), shipped.calibration, horizon, _rate(some))
    due_before = _fit_due(older, horizon, seed)
    better = _median_error(due_before, valid, horizon) < float(_errors(own_rhythm(valid), valid, horizon).mean())
    due_figures = _judge_due(due_before, older, test, horizon, seed)
    due = _fit_due(some, horizon, seed) if better else None
    return Returning(whole, due, {"churn": figures, "due": {"shipped": better, **due_figures}})


def gone(moment: Moment) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Who did not come within the period."""
    return np.asarray(np.isinf(moment.days))


def own_rhythm(moment: Moment) -> Floats:
    """Days until the next visit by each person's median gap."""
    gap = np.expm1(moment.features[:, FEATURES.index("gap")])
    recency = np.expm1(moment.features[:, FEATURES.index("recency")])
    return np.asarray(np.maximum(gap - recency, 0), np.float64)


def _predictor(kind: str, moments: Sequence[Moment], seed: int) -> Predictor:
    features, days = together(moments)
    happened = np.isinf(days)
    both = happened.any() and not happened.all()
    return fit_trees(features, happened, seed=seed) if kind == "trees" and both else fit_line(features, happened)


def _choose_churn(older: Sequence[Moment], valid: Moment, seed: int) -> tuple[str, dict[str, float]]:
    """ "line" or "trees", by log-loss on validation."""
    happened = gone(valid)
    told = {}
    for kind in ("line", "trees"):
        chance = np.clip(_predictor(kind, older, seed).predict(valid.features), 1e-4, 1 - 1e-4)
        told[kind] = round(float(-np.log(np.where(happened, chance, 1 - chance)).mean()), 5)
    return min(told, key=lambda kind: told[kind]), {f"log_loss {kind}": loss for kind, loss in told.items()}


def _fit_churn(kind: str, older: Sequence[Moment], newer: Moment, horizon: float, seed: int) -> Churn:
    """Fitted on the older moments, calibrated on a newer one."""
    predictor = _predictor(kind, older, seed)
    calibration = fit_calibration(predictor.predict(newer.features), gone(newer))
    return Churn(predictor, calibration, horizon, _rate([*older, newer]))


def _rate(moments: Sequence[Moment]) -> float:
    return float(np.concatenate([gone(one) for one in moments]).mean())


def _judge(churn: Churn, older: Sequence[Moment], test: Moment, seed: int) -> dict[str, Any]:
    features, days = together(older)
    happened = np.isinf(days)
    recency = [FEATURES.index("recency")]
    chance = churn.probability(test.features)
    said = {
        "profile": chance,
        "recency, frequency, money": fit_line(features[:, list(RFM)], happened).predict(test.features[:, list(RFM)]),
        "recency": fit_line(features[:, recency], happened).predict(test.features[:, recency]),
        "base rate": np.full(len(test.people), float(happened.mean())),
    }
    bins = bins_of(gone(test), chance)
    return {
        "people": len(test.people),
        "happened": round(float(gone(test).mean()), 4),
        "test": probabilities_told(gone(test), said, seed=seed),
        "calibration": {"error": round(calibration_error(bins), 4), "bins": bins},
    }


def _fit_due(moments: Sequence[Moment], horizon: float, seed: int) -> Due:
    """A quantile of days cut off at the horizon is the quantile cut off at it (Powell, Censored regression quantiles,
    Journal of Econometrics 1986): nobody has to be left out because they did not come."""
    features, days = together(moments)
    target = np.log1p(np.minimum(days, horizon))
    trees = tuple(fit_trees(features, target, seed=seed, quantile=q) for q in QUANTILES)
    return Due(QUANTILES, trees, horizon)


def _errors(said: Floats, moment: Moment, horizon: float) -> Floats:
    return np.asarray(np.abs(np.minimum(said, horizon) - np.minimum(moment.days, horizon)), np.float64)


def _median_error(due: Due, moment: Moment, horizon: float) -> float:
    return float(_errors(due.days(moment.features)[:, 1], moment, horizon).mean())


def _judge_due(due: Due, older: Sequence[Moment], test: Moment, horizon: float, seed: int) -> dict[str, Any]:
    days = due.days(test.features)
    true = np.minimum(test.days, horizon)
    shop = float(np.median(np.minimum(together(older)[1], horizon)))
    inside = (true >= np.round(days[:, 0])) & (true <= np.round(days[:, 2]))
    errors = {
        "profile": _errors(days[:, 1], test, horizon),
        "own median gap": _errors(own_rhythm(test), test, horizon),
        "shop's median": _errors(np.full(len(true), shop), test, horizon),
    }
    return {
        "people": len(true),
        "absolute_error_days": {name: interval(values, seed) for name, values in errors.items()},
        "ours_minus": {
            name: difference(errors["profile"], values, seed) for name, values in errors.items() if name != "profile"
        },
        "interval_80_covers": interval(inside.astype(np.float64), seed),
    }
