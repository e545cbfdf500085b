"""How sure a mean over people is: percentile intervals by resampling people.

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16. A resample is a vector of counts
(how often each person was drawn), so that all metrics are resampled by one matrix product, on the same people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CHUNK = 2_000_000  # people × resamples drawn at once: 16 MB of positions


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one model is than another, on the same people."""

    mean: float
    low: float
    high: float
    p_value: float  # two-sided: how often the resampled difference has the other sign, doubled

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def resampled_means(
    values: npt.NDArray[np.float64], resamples: int = 1000, *, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Means of `values` [n_people, n_metrics] over `resamples` draws of n_people with replacement.

    Shape [resamples, n_metrics].
    """
    people = len(values)
    random = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    rows = max(1, CHUNK // max(people, 1))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = random.integers(people, size=(size, people), dtype=np.int32)
        drawn += np.arange(size, dtype=np.int32)[:, None] * people
        counts = np.bincount(drawn.ravel(), minlength=size * people).reshape(size, people)
        means[start : start + size] = counts.astype(np.float64) @ values / people
    return means


def intervals(
    values: npt.NDArray[np.float64], resamples: int = 1000, *, level: float = 0.95, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Percentile interval of the mean of each column of `values` [n_people, n_metrics]. Shape [n_metrics, 2].

    With nobody the interval is NaN; with one person it is that person's value.
    """
    if not len(values):
        return np.full((values.shape[1], 2), np.nan)
    tail = (1 - level) / 2
    return np.quantile(resampled_means(values, resamples, seed=seed), [tail, 1 - tail], axis=0).T


def compare(
    ours: npt.NDArray[np.float64],
    theirs: npt.NDArray[np.float64],
    resamples: int = 1000,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Paired bootstrap of mean(ours) - mean(theirs); both [n_people], the same people in the same order."""
    if ours.shape != theirs.shape or not len(ours):
        raise ValueError("a paired comparison needs the same people on both sides, at least one")
    return _differences((ours - theirs)[:, None], resamples, level=level, seed=seed)[0]


def compare_all(
    ours: Mapping[str, npt.NDArray[np.float64]],
    theirs: Mapping[str, npt.NDArray[np.float64]],
    resamples: int = 1000,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Difference]:
    """`compare` for every metric that both have (name → [n_people]), all on the same resamples; empty with nobody."""
    names = [name for name in ours if name in theirs]
    if any(ours[name].shape != theirs[name].shape for name in names):
        raise ValueError("a paired comparison needs the same people on both sides")
    if not names or not len(ours[names[0]]):
        return {}
    values = np.stack([ours[name] - theirs[name] for name in names], axis=1).astype(np.float64)
    return dict(zip(names, _differences(values, resamples, level=level, seed=seed), strict=True))


def _differences(values: npt.NDArray[np.float64], resamples: int, *, level: float, seed: int) -> list[Difference]:
    """Of each column of `values` [n_people, n_metrics]."""
    means = resampled_means(values, resamples, seed=seed)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    # One is added to both sides of the fraction: with B resamples no p-value below 1 / (B + 1) can be claimed.
    rarer = np.minimum((means <= 0).sum(axis=0), (means >= 0).sum(axis=0))
    p_value = np.minimum(1.0, 2 * (rarer + 1) / (resamples + 1))
    columns = (values.mean(axis=0).tolist(), low.tolist(), high.tolist(), p_value.tolist())
    return [Difference(*column) for column in zip(*columns, strict=True)]
