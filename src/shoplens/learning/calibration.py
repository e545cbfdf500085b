"""Scores that can be read as probabilities: fitted on validation, judged on people that the fit did not see.

What is fed in. The score is the shipped model's own: a blend adds z-scores over the catalogue, which puts all people on
one scale. The examples are (person, product) pairs of people of the holdout with every product that they may be shown
(the catalogue without their mask); a pair counts as taken when the product is relevant to the person. Of each person
the products that could be shown (the best `NEAR`) and the relevant ones are all kept, of the millions of others a
random few, weighted so that they stand for the rest. Fitting on the best alone would bend the line: whoever looks only
at what was ranked first never sees how rarely the rest is taken.

What it means. The holdout holds people who took something in the period, so a probability is "taken within a period
this long, by somebody who comes back".

How. Isotonic regression (Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
estimates, 2002), its steps joined by lines through their centres, so that different scores keep different
probabilities (Oron and Flournoy, Centered isotonic regression, 2017). Where fewer than `ENOUGH` products were taken,
steps follow chance and Platt's sigmoid is safer (Niculescu-Mizil and Caruana, Predicting good probabilities with
supervised learning, 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from shoplens.learning.evaluate import Progress, batch_size, masked_scores
from shoplens.learning.holdout import Holdout
from shoplens.learning.top import top_items
from shoplens.models.base import Recommender
from shoplens.models.calibration import Calibration

ENOUGH = 500  # products taken from which steps are trusted
NEAR = 100  # best products of a person that are all kept
OTHERS = 100  # of the rest, so many are drawn
SHOWN = 20  # places of a list, for the figures of what people see
PEOPLE = 5_000  # people asked at most; more change nothing in the second digit
FOLDS = 5  # parts of the people, each judged by the line fitted on the others
BINS = 10
MOST_KNOTS = 256


@dataclass(frozen=True, slots=True)
class Pairs:
    """(person, product) pairs with their scores."""

    person: npt.NDArray[np.int32]  # [n] position in the holdout
    score: npt.NDArray[np.float64]  # [n]
    taken: npt.NDArray[np.bool_]  # [n]
    weight: npt.NDArray[np.float64]  # [n] how many pairs this one stands for
    shown: npt.NDArray[np.bool_]  # [n] among the best SHOWN of the person

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: npt.NDArray[np.bool_]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.person[index], self.score[index], self.taken[index], self.weight[index], self.shown[index])


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far probabilities can be believed: of what people are shown first, and of the whole catalogue.

    `base_rate` and the baselines are of always saying how often such a product is taken.
    """

    bins: tuple[dict[str, float], ...]  # of what is shown: count, predicted (mean), taken (share), low, high
    shown: dict[str, float]  # n, base_rate, ece, brier, log_loss, baseline_brier, baseline_log_loss
    catalogue: dict[str, float]  # the same over all products a person may be shown

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"shown": self.shown, "catalogue": self.catalogue, "bins": list(self.bins)}


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What `calibrate` found: the line to serve with, and cross-fitted figures about it."""

    calibration: Calibration
    reliability: Reliability


def calibrate(
    model: Recommender, valid: Holdout, *, seed: int = 0, progress: Progress | None = None
) -> Calibrated | None:
    """Fit a calibration of the model's scores on validation; None when nothing relevant was in reach of the model.

    The line that is returned was fitted on all people asked; its figures come from lines fitted without the people who
    are judged.
    """
    pairs = gather_pairs(model, valid, seed=seed, progress=progress)
    if not pairs.taken.any():
        return None
    fold = np.random.default_rng([seed, 5]).permutation(len(valid)) % FOLDS
    chance = np.full(len(pairs), np.nan)
    for number in range(FOLDS):
        out = fold[pairs.person] == number
        rest = pairs.take(~out)
        if out.any() and rest.taken.any():
            chance[out] = fit(rest)(pairs.score[out])
    known = ~np.isnan(chance)
    if not known.any():  # one person took everything: nobody is left to judge on
        chance, known = fit(pairs)(pairs.score), np.ones(len(pairs), np.bool_)
    return Calibrated(fit(pairs), _reliability(pairs.take(known), chance[known]))


def measure(
    calibration: Calibration, model: Recommender, holdout: Holdout, *, seed: int = 0, progress: Progress | None = None
) -> Reliability | None:
    """How well a calibration holds on other people or a later period; None when nobody is there."""
    pairs = gather_pairs(model, holdout, seed=seed, progress=progress)
    return _reliability(pairs, calibration(pairs.score)) if len(pairs) else None


def gather_pairs(model: Recommender, holdout: Holdout, *, seed: int = 0, progress: Progress | None = None) -> Pairs:
    """Score the catalogue for (at most PEOPLE of) the holdout and keep the pairs that the module describes."""
    random = np.random.default_rng([seed, 4])
    asked = np.arange(len(holdout))
    if len(asked) > PEOPLE:
        asked = np.sort(random.choice(len(holdout), PEOPLE, replace=False))
    part = holdout.take(asked)
    size, found = batch_size(part.n_items), []
    for start in range(0, len(part), size):
        stop = min(start + size, len(part))
        scores = masked_scores(model, part, start, stop)
        near = top_items(scores, NEAR)
        for row in range(stop - start):
            number = start + row
            truth = part.truth_item[part.truth_indptr[number] : part.truth_indptr[number + 1]]
            found.append(_pairs_of(scores[row], near[row], truth[truth < part.n_items], int(asked[number]), random))
        if progress is not None:
            progress(stop, len(part))
    if not found:
        nothing = np.zeros(0)
        return Pairs(nothing.astype(np.int32), nothing, nothing.astype(np.bool_), nothing, nothing.astype(np.bool_))
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def fit(pairs: Pairs) -> Calibration:
    """The rising line through these pairs, at least one of which is taken."""
    positives = int(pairs.taken.sum())
    make: Callable[[Pairs], tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
    method, make = ("isotonic", _isotonic) if positives >= ENOUGH else ("platt", _platt)
    return Calibration(*make(pairs), method, positives)


def _pairs_of(
    scores: npt.NDArray[np.float32],
    near: npt.NDArray[np.int32],
    truth: npt.NDArray[np.int32],
    person: int,
    random: np.random.Generator,
) -> tuple[npt.NDArray[Any], ...]:
    """Columns of `Pairs` for one person: [n_items] scores, best products, relevant products."""
    near = near[near >= 0]
    certain = np.union1d(near, truth)
    rest = np.isfinite(scores)
    rest[certain] = False
    others = np.flatnonzero(rest)
    drawn = others if len(others) <= OTHERS else random.choice(others, OTHERS, replace=False)
    item = np.concatenate([certain, drawn])
    weight = np.ones(len(item))
    weight[len(certain) :] = len(others) / max(len(drawn), 1)
    return (
        np.full(len(item), person, np.int32),
        scores[item].astype(np.float64),
        np.isin(item, truth),
        weight,
        np.isin(item, near[:SHOWN]),
    )


def _isotonic(pairs: Pairs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Knots at the centres of the steps."""
    step = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(pairs.score, pairs.taken, sample_weight=pairs.weight)
    value, owner = np.unique(step, return_inverse=True)
    mass = np.bincount(owner, pairs.weight)
    centre = np.bincount(owner, pairs.weight * pairs.score) / mass
    keep = np.append(True, np.diff(centre) > 0)
    centre, value = centre[keep], value[keep]
    if len(centre) > MOST_KNOTS:
        chosen = np.unique(np.linspace(0, len(centre) - 1, MOST_KNOTS).astype(np.int64))
        centre, value = centre[chosen], value[chosen]
    return centre, value


def _platt(pairs: Pairs) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Knots on a sigmoid; level at the base rate when higher scores are not taken more often."""
    middle = np.average(pairs.score, weights=pairs.weight)
    spread = float(np.sqrt(np.average((pairs.score - middle) ** 2, weights=pairs.weight)))
    low, high = float(pairs.score.min()), float(pairs.score.max())
    rate = float(np.average(pairs.taken, weights=pairs.weight))
    if pairs.taken.all() or spread <= 0 or high <= low:
        return np.array([middle]), np.array([rate])
    model = LogisticRegression(max_iter=1000).fit(
        ((pairs.score - middle) / spread)[:, None], pairs.taken, sample_weight=pairs.weight
    )
    slope, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        return np.array([middle]), np.array([rate])
    knots = np.unique(np.linspace(low, high, 65))
    return knots, 1 / (1 + np.exp(-(slope * (knots - middle) / spread + offset)))


def _reliability(pairs: Pairs, chance: npt.NDArray[np.float64]) -> Reliability:
    seen = pairs.take(pairs.shown)
    return Reliability(
        tuple(_bins(seen.taken, chance[pairs.shown], seen.weight)),
        _figures(seen.taken, chance[pairs.shown], seen.weight),
        _figures(pairs.taken, chance, pairs.weight),
    )


def _figures(
    taken: npt.NDArray[np.bool_], chance: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> dict[str, float]:
    total = weight.sum()
    rate = float((taken * weight).sum() / total)
    gaps = [one["count"] * abs(one["predicted"] - one["taken"]) for one in _bins(taken, chance, weight)]
    known = {"n": float(total), "base_rate": rate, "ece": float(sum(gaps) / total)}
    for name, said in (("", chance), ("baseline_", np.full(len(taken), rate))):
        known[f"{name}brier"] = float(np.average((said - taken) ** 2, weights=weight))
        both = np.stack([1 - said, said], axis=1)
        known[f"{name}log_loss"] = float(log_loss(taken, both, sample_weight=weight, labels=[False, True]))
    return known


def _bins(
    taken: npt.NDArray[np.bool_], chance: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> list[dict[str, float]]:
    """Up to BINS groups of about equal weight by predicted probability, with 95 % intervals of the share taken
    (Wilson, Probable inference, 1927)."""
    order = np.argsort(chance, kind="stable")
    place = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    edge = np.minimum((place * BINS).astype(np.int64), BINS - 1)
    # Equal probabilities belong together: all of them go where the first one is.
    _, first = np.unique(chance[order], return_inverse=True)
    edge = edge[np.searchsorted(first, first)]
    result = []
    for number in np.unique(edge):
        inside = order[edge == number]
        count = float(weight[inside].sum())
        share = float((taken[inside] * weight[inside]).sum() / count)
        low, high = _wilson(share, len(inside))
        predicted = float(np.average(chance[inside], weights=weight[inside]))
        result.append({"count": count, "predicted": predicted, "taken": share, "low": low, "high": high})
    return result


def _wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))
