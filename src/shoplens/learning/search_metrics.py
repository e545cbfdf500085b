"""Figures of a search: how good the answers are, by language, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]  # [queries, products], higher fits better
Floats = npt.NDArray[np.float32]
Query = TypeVar("Query")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What one query was answered with."""

    found: Floats  # gains of the products that were found, best first; 0 = no answer
    answers: Floats  # gains of all products that answer it, found or not, in any order


def search_figures(scores: Scores, gains: Floats) -> dict[str, float]:
    """`ranking_figures` of scores [queries, products] against gains [queries, products]: everything is ranked."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(gains, order, 1)
    return ranking_figures([Ranking(found, found[found > 0]) for found in ranked])


def ranking_figures(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Means over queries, each of which has an answer.

    recall@k: share of all answers among the first k. hit@10: share of queries with any answer among the first ten.
    mrr: 1 / place of the first answer, 0 when none was found. ndcg@10: gain / log2(1 + place), against the best order.
    zero_results: share of queries that nothing at all was found for.
    """
    columns = ("recall@1", "recall@10", "mrr", "ndcg@10", "hit@10", "zero_results")
    each = np.array([_figures(one) for one in rankings]).reshape(-1, len(columns))
    return {**dict(zip(columns, each.mean(0).tolist(), strict=True)), "queries": len(rankings)}


def _figures(one: Ranking) -> tuple[float, ...]:
    right = one.found > 0
    discounts = 1.0 / np.log2(np.arange(2, 12))
    ideal = -np.sort(-one.answers)[:10]
    gained = float((one.found[:10] * discounts[: len(one.found[:10])]).sum())
    return (
        float(right[:1].sum() / len(one.answers)),
        float(right[:10].sum() / len(one.answers)),
        float(1.0 / (right.argmax() + 1)) if right.any() else 0.0,
        gained / float((ideal * discounts[: len(ideal)]).sum()),
        float(right[:10].any()),
        float(not len(one.found)),
    )


def rankings_by_language(rankings: Sequence[Ranking], languages: Sequence[str]) -> dict[str, Any]:
    """Figures of all queries, and under "by_language" of those of each language."""
    by_language = {
        language: ranking_figures([one for one, told in zip(rankings, languages, strict=True) if told == language])
        for language in sorted(set(languages))
    }
    return {**ranking_figures(rankings), "by_language": by_language}


def figures_by_language(scores: Scores, gains: npt.NDArray[np.float32], languages: Sequence[str]) -> dict[str, Any]:
    """Figures of all queries, and under "by_language" of those of each language."""
    told = np.asarray(languages)
    by_language = {one: search_figures(scores[told == one], gains[told == one]) for one in sorted(set(languages))}
    return {**search_figures(scores, gains), "by_language": by_language}


def timed(ask: Callable[[Query], Answer], queries: Sequence[Query]) -> tuple[list[Answer], dict[str, float]]:
    """Ask one query at a time, as shoppers do: the answers, and how long a query takes."""
    ask(queries[0])  # the first one loads networks and dictionaries
    answers, taken = [], []
    for query in queries:
        began = time.perf_counter()
        answers.append(ask(query))
        taken.append((time.perf_counter() - began) * 1e3)
    return answers, {"p50_ms": float(np.percentile(taken, 50)), "p99_ms": float(np.percentile(taken, 99))}


def timed_scores(
    score: Callable[[str], npt.NDArray[np.floating]], queries: Sequence[str]
) -> tuple[Scores, dict[str, float]]:
    """`timed` for scores of all products: [queries, products]."""
    rows, times = timed(score, queries)
    return np.stack(rows), times
