"""Metrics of one person's ranked list, for many people at once.

All take `hits`, bool [n_people, K]: whether the product at each rank (best first) is relevant, and `relevant`,
int [n_people]: how many relevant products the person has in all, at least 1. All return float64 [n_people], so that
means, intervals and paired comparisons can be made from the same numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hits = npt.NDArray[np.bool_]  # [n_people, K]
Counts = npt.NDArray[np.int64]  # [n_people]
PerPerson = npt.NDArray[np.float64]  # [n_people]


def recall(hits: Hits, relevant: Counts, k: int) -> PerPerson:
    """Hits among the first k / number of relevant products."""
    return np.asarray(hits[:, :k].sum(axis=1) / relevant, np.float64)


def precision(hits: Hits, relevant: Counts, k: int) -> PerPerson:  # noqa: ARG001 - one signature for all
    """Hits among the first k / k."""
    return np.asarray(hits[:, :k].sum(axis=1) / k, np.float64)


def hit_rate(hits: Hits, relevant: Counts, k: int) -> PerPerson:  # noqa: ARG001
    """1 when anything among the first k is relevant."""
    return np.asarray(hits[:, :k].any(axis=1), np.float64)


def ndcg(hits: Hits, relevant: Counts, k: int) -> PerPerson:
    """Normalised discounted cumulative gain: gain 1, discount 1 / log2(rank + 1), ideal list of min(k, relevant).

    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002.
    """
    width = min(k, hits.shape[1])
    gain = hits[:, :width] @ discounts(width)
    ideal = np.concatenate([[0.0], np.cumsum(discounts(k))])
    return np.asarray(gain / ideal[np.minimum(relevant, k)], np.float64)


def average_precision(hits: Hits, relevant: Counts, k: int) -> PerPerson:
    """Mean, over all relevant products, of the precision at the rank of each; 0 for those below rank k."""
    first = hits[:, :k]
    at_rank = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return np.asarray((at_rank * first).sum(axis=1) / relevant, np.float64)


def reciprocal_rank(hits: Hits, relevant: Counts, k: int) -> PerPerson:  # noqa: ARG001
    """1 / rank of the first relevant product among the first k, 0 when there is none."""
    first = hits[:, :k]
    return np.where(first.any(axis=1), 1.0 / (first.argmax(axis=1) + 1.0), 0.0)


def discounts(k: int) -> npt.NDArray[np.float64]:
    """1 / log2(rank + 1) for ranks 1..k."""
    return 1.0 / np.log2(np.arange(2, k + 2))
