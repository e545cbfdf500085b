"""Recall at ten of search under filters, against looking at every product that the filter keeps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.speed.search_corpus import row_of
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.base import Mask
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.semantic import VectorSignal

WANTED = 10
SHARES = (0.001, 0.01, 0.03, 0.1, 0.5, 1.0)  # of the catalogue that a filter keeps
ROUNDING = 1e-4  # scores this near are equal: which of them comes tenth does not matter


def recall_under_filters(
    both: HybridIndex, signal: VectorSignal, words: LexicalIndex, queries: Sequence[str], given: Any, *, seed: int
) -> dict[str, Any]:
    """Share → recall of vectors and of words, and the slowest of a hundred queries to both (milliseconds)."""
    random = np.random.default_rng(seed + 3)
    count = len(signal)
    found: dict[str, Any] = {}
    for share in SHARES:
        allowed: Mask = random.random(count + 1) < share
        allowed[0] = False
        by_vector = [_vector_recall(signal, vector, allowed) for vector in given[: len(queries)]]
        by_words = [one for query in queries if (one := _word_recall(words, query, allowed)) is not None]
        taken = []
        for query in queries:
            began = time.perf_counter()
            both.search(Asked(text=query), WANTED, allowed)
            taken.append(1e3 * (time.perf_counter() - began))
        found[f"{share:.1%}"] = {
            "recall@10_vectors": round(float(np.mean(by_vector)), 4),
            "recall@10_words": round(float(np.mean(by_words)), 4) if by_words else None,
            "hybrid_p99_ms": round(float(np.percentile(taken, 99)), 2),
        }
    return found


def _vector_recall(signal: VectorSignal, vector: npt.NDArray[np.float32], allowed: Mask) -> float:
    rows = np.flatnonzero(allowed)
    exact = np.sort(signal.score(vector, rows))[::-1][:WANTED]
    _, scores = signal.search(vector, WANTED, allowed)
    return float((scores >= exact[-1] - ROUNDING).sum()) / len(exact)


def _word_recall(words: LexicalIndex, query: str, allowed: Mask) -> float | None:
    """None when words find nothing that the filter keeps."""
    read = words.parse(query)
    everything = words.search(read, len(words), typos=False)
    kept = everything.scores[allowed[row_of(everything.item_ids)]][:WANTED]
    if not len(kept):
        return None
    hits = words.search(read, WANTED, typos=False, keeps=lambda ids: allowed[row_of(ids)])
    return float((hits.scores >= kept[-1] - ROUNDING).sum()) / len(kept)
