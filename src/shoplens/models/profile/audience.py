"""Who is like the people of a list: a line between them and everybody else, over tastes and habits.

Lists of marketing (who bought this, who answered that letter) differ as much in how people come as in what they choose,
so both are read where the list is long enough to learn from; a short one speaks by tastes alone. How well such a list
can be found again is measured on its own people: each fifth of them is set aside once, and looked for among everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from shoplens.models.profile.habits import FEATURES, Floats

LEAST_SEEDS = 20  # of a list before anything but the mean of its tastes is learnt
READ = ("visits_91", "visits_28", "recency", "products", "money_91", "basket", "gap", "weekend", "trend")
ACTIVE = "visits_91"  # of the baseline: who comes most
FOLDS = 5
BEST = 0.1  # share of the people among whom those set aside are looked for
PENALTY = 10.0  # on squared weights of standardised features
STEPS = 30

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FoundAgain:
    """Share of the list's people, set aside, that is among the best tenth of all others; by chance it is `chance`."""

    share: float
    low: float  # 95 % interval
    high: float
    most_active: float  # the same if simply those are taken who come most
    chance: float = BEST


def likeness(vectors: Floats, habits: Floats, known: Places, seeds: Places) -> Floats:
    """How like the list each of `known` is; only the order says something. [len(known)]

    `vectors`: tastes of unit length [n, size]; `habits`: see `habits.FEATURES` [n, …]; `seeds`: some of `known`.
    """
    total = vectors[seeds].sum(axis=0)
    taste = vectors[known] @ total
    if len(seeds) < LEAST_SEEDS:
        return np.asarray(taste / max(len(seeds), 1))
    on = np.isin(known, seeds)
    own = (vectors[known] ** 2).sum(axis=1) * on  # a seed is compared with the others of the list
    columns = [(taste - own) / (len(seeds) - on), *(habits[known, FEATURES.index(name)] for name in READ)]
    features = np.stack(columns, axis=1)
    features = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    return _line(features, on.astype(np.float64))


def found_again(vectors: Floats, habits: Floats, known: Places, seeds: Places, *, seed: int = 0) -> FoundAgain | None:
    """Each fifth of the list looked for with the help of the others; None for lists too short."""
    if len(seeds) * (FOLDS - 1) / FOLDS < LEAST_SEEDS:
        return None
    mixed = np.random.default_rng(seed).permutation(seeds)
    hits: list[npt.NDArray[np.bool_]] = []
    active: list[npt.NDArray[np.bool_]] = []
    for fold in range(FOLDS):
        aside, rest = mixed[fold::FOLDS], np.delete(mixed, np.s_[fold::FOLDS])
        asked = np.flatnonzero(~np.isin(known, rest))
        for scores, found in (
            (likeness(vectors, habits, known, rest), hits),
            (habits[known, FEATURES.index(ACTIVE)], active),
        ):
            best = asked[np.argsort(-scores[asked], kind="stable")[: max(round(BEST * len(asked)), 1)]]
            found.append(np.isin(aside, known[best]))
    right = np.concatenate(hits).astype(np.float64)
    drawn = np.random.default_rng(seed).choice(right, (1_000, len(right))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return FoundAgain(float(right.mean()), float(low), float(high), float(np.concatenate(active).mean()))


def _line(features: Floats, on: Floats) -> Floats:
    """Logistic regression by Newton's method; its values before the sigmoid. [n]"""
    wide = np.column_stack([features, np.ones(len(features))])
    penalty = np.diag([PENALTY] * features.shape[1] + [1e-6])
    weight = np.zeros(wide.shape[1])
    weight[-1] = np.log(on.mean() / max(1 - on.mean(), 1e-9))
    for _ in range(STEPS):
        chance = expit(wide @ weight)
        slope = wide.T @ (on - chance) - penalty @ weight
        bend = (wide * (chance * (1 - chance))[:, None]).T @ wide + penalty
        step = np.linalg.solve(bend, slope)
        weight += step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(wide @ weight)
