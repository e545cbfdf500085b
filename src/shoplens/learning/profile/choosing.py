"""Which categories the next visit holds: trees over what a person bought of each, beside counting.

Judged as a ranking (of the categories of the first visit in the period) and as probabilities. Baselines: what most
visits hold, how often it was in the person's visits, the person's latest visit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY, EventType
from shoplens.learning.metrics.ranking import ndcg, recall
from shoplens.learning.profile.fitting import fit_calibration, fit_trees
from shoplens.learning.profile.reliability import Floats, bins_of, calibration_error, difference, interval
from shoplens.models.profile.categories import PAIR_FEATURES, Pairs, next_categories, pairs, popularity
from shoplens.models.profile.deeds import Deeds
from shoplens.models.profile.forecasts import NextCategory
from shoplens.models.profile.predictors import Predictor
from shoplens.models.profile.traits import LEVELS, TraitColumns, level_name

MOST_CATEGORIES = 400  # of the level that is predicted: the deepest with at most so many
LEARNT_FROM = 3  # moments
K = 5
BASELINES = {"own share": ("share",), "latest visit": ("last", "share"), "popular": ("popular",)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Pairs of one moment, of people who came in its period, and which of them came true."""

    pairs: Pairs
    hit: npt.NDArray[np.bool_]
    wanted: npt.NDArray[np.int64]  # categories of each person's visit [n_people]


def level_to_predict(columns: TraitColumns) -> str | None:
    """The field; None where the shop has fewer than two categories at every level."""
    sizes = {level_name(depth): len(columns.of_field(level_name(depth))) for depth in range(LEVELS, 0, -1)}
    return next((name for name, size in sizes.items() if 2 <= size <= MOST_CATEGORIES), None)


def learn_choosing(
    deeds: Deeds,
    code: npt.NDArray[np.int64],
    n: int,
    field: str,
    times: Sequence[int],
    act: EventType,
    zone: str,
    horizon: float,
    *,
    seed: int,
) -> tuple[NextCategory | None, dict[str, Any]]:
    """`code`: category of each product, below n, -1 = none; `times`: moments, newest first. With figures."""
    if len(times) < 3:
        return None, {}
    popular = [popularity(deeds.before(time), code, n, act, zone) for time in times[: 2 + LEARNT_FROM]]
    test, valid, *learnt = (
        ask(deeds, code, known, time, act, zone, horizon) for known, time in zip(popular, times, strict=False)
    )
    if not all(len(one.wanted) and one.hit.any() for one in (test, valid, *learnt)):
        return None, {}
    trees = _fit(learnt, seed)
    chosen = "trees" if _mean_ndcg(trees, valid) > _mean_ndcg(None, valid) else "own share"
    judged = NextCategory(field, trees if chosen == "trees" else None, _calibration(chosen, trees, valid), popular[0])
    figures = {"field": field, "categories": n, "chosen": chosen, **_judge(judged, test, seed)}
    newer = _fit([valid, *learnt], seed) if chosen == "trees" else None
    everything = popularity(deeds, code, n, act, zone)
    latest = _fit([test, valid, *learnt][:LEARNT_FROM], seed) if chosen == "trees" else None
    return NextCategory(field, latest, _calibration(chosen, newer, test), everything), figures


def ask(
    deeds: Deeds,
    code: npt.NDArray[np.int64],
    popular: Floats,
    time: int,
    act: EventType,
    zone: str,
    horizon: float,
) -> Asked:
    """What could be said at a moment, and what came of it within the period."""
    n = len(popular)
    found = pairs(deeds, code, popular, time, act, zone)
    end = time + round(horizon * MICROSECONDS_PER_DAY)
    true = next_categories(deeds.before(end), code, n, time, act, zone)
    came = np.zeros(len(deeds), np.bool_)
    came[true // n] = True
    kept = np.flatnonzero(came[found.person])
    some = Pairs(found.person[kept], found.category[kept], found.features[kept])
    here = np.unique(some.person)
    wanted = np.bincount(true // n, minlength=len(deeds))[here]
    return Asked(some, np.isin(some.person * n + some.category, true), wanted)


def scores(predictor: Predictor | None, asked: Pairs) -> Floats:
    """As a predictor says, or without one the person's own share."""
    if predictor is None:
        return np.exp(asked.features[:, PAIR_FEATURES.index("share")])
    return predictor.predict(asked.features)


def _fit(asked: Sequence[Asked], seed: int) -> Predictor:
    features = np.concatenate([one.pairs.features for one in asked])
    return fit_trees(features, np.concatenate([one.hit for one in asked]), seed=seed)


def _calibration(chosen: str, trees: Predictor | None, newer: Asked) -> Any:
    return fit_calibration(scores(trees if chosen == "trees" else None, newer.pairs), newer.hit)


def _mean_ndcg(predictor: Predictor | None, asked: Asked) -> float:
    return float(_ranked(scores(predictor, asked.pairs), asked)["ndcg"].mean())


def _ranked(score: Floats, asked: Asked) -> dict[str, Floats]:
    """Figures of each person: whether the first came true, Recall@5, NDCG@5."""
    _, person = np.unique(asked.pairs.person, return_inverse=True)
    order = np.lexsort((-score, person))
    start = np.searchsorted(person[order], np.arange(len(asked.wanted)))
    place = np.arange(len(order)) - start[person[order]]
    hits = np.zeros((len(asked.wanted), K), np.bool_)
    top = place < K
    hits[person[order][top], place[top]] = asked.hit[order][top]
    return {
        "first": hits[:, 0].astype(np.float64),
        f"recall@{K}": recall(hits, asked.wanted, K),
        "ndcg": ndcg(hits, asked.wanted, K),
    }


def _judge(model: NextCategory, test: Asked, seed: int) -> dict[str, Any]:
    score = model.score(test.pairs.features)
    ranked = {"profile": _ranked(score, test)}
    for name, columns in BASELINES.items():
        simple = sum(test.pairs.features[:, PAIR_FEATURES.index(one)] * 100.0**-k for k, one in enumerate(columns))
        ranked[name] = _ranked(np.asarray(simple), test)
    chance = model.probability(test.pairs.features)
    bins = bins_of(test.hit, chance)
    return {
        "people": len(test.wanted),
        "test": {
            name: {measure: interval(values, seed) for measure, values in one.items()} for name, one in ranked.items()
        },
        "ours_minus": {
            name: {measure: difference(ranked["profile"][measure], values, seed) for measure, values in one.items()}
            for name, one in ranked.items()
            if name != "profile"
        },
        "calibration": {"error": round(calibration_error(bins), 4), "bins": bins},
    }
