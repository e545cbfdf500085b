"""Figures of a search: how good the answers are, by language, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]  # [queries, products], higher fits better


def search_figures(scores: Scores, gains: npt.NDArray[np.float32]) -> dict[str, float]:
    """Means over queries of scores [queries, products] against gains [queries, products] (0 = no answer).

    recall@k: share of all answers among the first k. hit@10: share of queries with any answer among the first ten.
    mrr: 1 / place of the first answer, whole ranking. ndcg@10: gain / log2(1 + place), against the best order.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(gains, order, 1)
    right = ranked > 0
    answers = right.sum(1)
    discounts = 1.0 / np.log2(np.arange(2, min(10, gains.shape[1]) + 2))
    ideal = -np.sort(-gains, axis=1)[:, : len(discounts)]
    return {
        "recall@1": float((right[:, 0] / answers).mean()),
        "recall@10": float((right[:, :10].sum(1) / answers).mean()),
        "mrr": float((1.0 / (right.argmax(1) + 1)).mean()),
        "ndcg@10": float(((ranked[:, : len(discounts)] * discounts).sum(1) / (ideal * discounts).sum(1)).mean()),
        "hit@10": float(right[:, :10].any(1).mean()),
        "queries": len(scores),
    }


def figures_by_language(scores: Scores, gains: npt.NDArray[np.float32], languages: Sequence[str]) -> dict[str, Any]:
    """Figures of all queries, and under "by_language" of those of each language."""
    told = np.asarray(languages)
    by_language = {one: search_figures(scores[told == one], gains[told == one]) for one in sorted(set(languages))}
    return {**search_figures(scores, gains), "by_language": by_language}


def timed_scores(
    score: Callable[[str], npt.NDArray[np.floating]], queries: Sequence[str]
) -> tuple[Scores, dict[str, float]]:
    """Ask one query at a time, as shoppers do: scores [queries, products], and how long a query takes."""
    score(queries[0])  # the first one loads networks and dictionaries
    rows, taken = [], []
    for query in queries:
        began = time.perf_counter()
        rows.append(score(query))
        taken.append((time.perf_counter() - began) * 1e3)
    return np.stack(rows), {"p50_ms": float(np.percentile(taken, 50)), "p99_ms": float(np.percentile(taken, 99))}
