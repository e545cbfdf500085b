"""How good predictions are, person by person, beside simple ones; and whether a probability is what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from shoplens.learning.metrics.bootstrap import compare, intervals

BINS = 10
EDGE = 1e-4  # probabilities are kept off 0 and 1 by so much

Floats = npt.NDArray[np.float64]


def probabilities_told(happened: npt.NDArray[np.bool_], said: Mapping[str, Floats], *, seed: int) -> dict[str, Any]:
    """Brier score, log-loss and AUC of each forecaster over people [n]; the first is ours, differences are ours minus
    theirs (negative: ours is better)."""
    ours = next(iter(said))
    loss = {name: _losses(happened, chance) for name, chance in said.items()}
    told: dict[str, Any] = {}
    for name, chance in said.items():
        one: dict[str, Any] = {}
        for measure, values in loss[name].items():
            one[measure] = interval(values, seed)
        one["auc"] = _auc(happened, chance)
        if name != ours:
            one["ours_minus"] = {
                measure: difference(loss[ours][measure], values, seed) for measure, values in loss[name].items()
            }
        told[name] = one
    return told


def bins_of(happened: npt.NDArray[np.bool_], chance: Floats) -> list[dict[str, float]]:
    """Tenths of the forecasts, from low to high: how many, mean forecast, share that happened with its 95 % interval
    (Wilson 1927)."""
    if not len(chance):
        return []
    found = []
    for part in np.array_split(np.argsort(chance, kind="stable"), min(BINS, len(chance))):
        low, high = wilson(int(happened[part].sum()), len(part))
        found.append(
            {
                "count": float(len(part)),
                "predicted": float(chance[part].mean()),
                "happened": float(happened[part].mean()),
                "low": low,
                "high": high,
            }
        )
    return found


def calibration_error(bins: list[dict[str, float]]) -> float:
    """Expected calibration error over bins of equal size."""
    count = sum(one["count"] for one in bins)
    return sum(one["count"] * abs(one["predicted"] - one["happened"]) for one in bins) / max(count, 1)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))  # rounding apart, share is inside


def interval(values: Floats, seed: int) -> list[float]:
    """Mean with its 95 % bootstrap interval."""
    low, high = intervals(values[:, None].astype(np.float64), seed=seed)[0]
    return [round(float(one), 4) for one in (values.mean() if len(values) else np.nan, low, high)]


def difference(ours: Floats, theirs: Floats, seed: int) -> list[float]:
    """Mean paired difference with its 95 % bootstrap interval."""
    found = compare(ours.astype(np.float64), theirs.astype(np.float64), seed=seed)
    return [round(one, 4) for one in (found.mean, found.low, found.high)]


def _losses(happened: npt.NDArray[np.bool_], chance: Floats) -> dict[str, Floats]:
    safe = np.clip(chance, EDGE, 1 - EDGE)
    return {"brier": (chance - happened) ** 2, "log_loss": -np.log(np.where(happened, safe, 1 - safe))}


def _auc(happened: npt.NDArray[np.bool_], chance: Floats) -> float | None:
    if happened.all() or not happened.any():
        return None
    return round(float(roc_auc_score(happened, chance)), 4)
