"""Checks that every index passes: call `check_index(make)` with a function that makes an empty one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from shoplens.retrieval.base import Index, Vectors


def check_index(make: Callable[[], Index], folder: Path, *, least_recall: float = 0.95, seed: int = 0) -> None:
    """Run all checks; an AssertionError names what is wrong. `folder` must exist and be empty."""
    rng = np.random.default_rng(seed)
    vectors = _unit(rng.normal(size=(2_000, 24)))
    queries = _unit(rng.normal(size=(20, 24)))
    check_finds_itself(make, vectors)
    check_recall(make, vectors, queries, least_recall)
    check_filters(make, vectors, queries, least_recall)
    check_padding(make, vectors[:3], queries)
    check_adds(make, vectors)
    check_saves(make, vectors, queries, folder)


def check_finds_itself(make: Callable[[], Index], vectors: Vectors) -> None:
    """A stored vector is its own nearest neighbour, with its squared length as score."""
    index = make().build(vectors)
    rows, scores = index.search(vectors[:50], 1)
    assert len(index) == len(vectors), "len() must be the number of vectors"
    assert (rows[:, 0] == np.arange(50)).mean() >= 0.98, "a vector must find itself"
    assert np.allclose(scores[:, 0], 1.0, atol=1e-3), "scores are inner products"


def check_recall(make: Callable[[], Index], vectors: Vectors, queries: Vectors, least: float) -> None:
    """Most of the true ten best are found; scores descend and belong to their rows."""
    index = make().build(vectors)
    rows, scores = index.search(queries, 10)
    assert rows.shape == scores.shape == (len(queries), 10), "answers have shape [queries, k]"
    assert rows.dtype == np.int64, "rows are int64"
    assert scores.dtype == np.float32, "scores are float32"
    assert (np.diff(scores, axis=1) <= 1e-6).all(), "best first"
    expected = np.einsum("qd,qkd->qk", queries, vectors[rows])
    assert np.allclose(scores, expected, atol=1e-3), "a score must belong to its row"
    assert _recall(rows, vectors, queries, np.ones(len(vectors), bool)) >= least, "recall is too low"


def check_filters(make: Callable[[], Index], vectors: Vectors, queries: Vectors, least: float) -> None:
    """A filter is never broken, and costs no recall, whether it keeps one in a hundred or nearly all."""
    index = make().build(vectors)
    rng = np.random.default_rng(1)
    for share in (0.005, 0.02, 0.05, 0.2, 0.5, 0.95):
        allowed = rng.random(len(vectors)) < share
        rows, _ = index.search(queries, 10, allowed)
        assert allowed[rows[rows >= 0]].all(), f"a row outside the filter came back (filter keeps {share:.1%})"
        recall = _recall(rows, vectors, queries, allowed)
        assert recall >= least, f"recall {recall:.3f} with a filter that keeps {share:.1%}"
    rows, scores = index.search(queries, 5, np.zeros(len(vectors), bool))
    assert (rows == -1).all(), "a filter that keeps nothing finds nothing"
    assert np.isneginf(scores).all(), "and its scores are -inf"


def check_padding(make: Callable[[], Index], vectors: Vectors, queries: Vectors) -> None:
    """Asking for more than there is pads with row -1; an empty index answers too."""
    rows, scores = make().build(vectors).search(queries, 5)
    assert (np.sort(rows[:, :3], axis=1) == np.arange(3)).all(), "all that exist come first"
    assert (rows[:, 3:] == -1).all(), "the rest is row -1"
    assert np.isneginf(scores[:, 3:]).all(), "with score -inf"
    empty, _ = make().build(vectors[:0]).search(queries, 2)
    assert (empty == -1).all(), "an empty index finds nothing"


def check_adds(make: Callable[[], Index], vectors: Vectors) -> None:
    """Added vectors get the rows after the last and are found."""
    index = make().build(vectors[:1_000])
    index.add(vectors[1_000:])
    rows, _ = index.search(vectors[1_500:1_520], 1)
    assert len(index) == len(vectors), "add appends"
    assert (rows[:, 0] == np.arange(1_500, 1_520)).mean() >= 0.95, "added vectors must be found"


def check_saves(make: Callable[[], Index], vectors: Vectors, queries: Vectors, folder: Path) -> None:
    """Loading what was saved gives the same answers."""
    index = make().build(vectors)
    index.save(folder)
    again = type(index).load(folder)
    rows, _ = index.search(queries, 10)
    assert np.array_equal(rows, again.search(queries, 10)[0]), "a loaded index answers as the saved one did"


def _recall(rows: np.ndarray, vectors: Vectors, queries: Vectors, allowed: np.ndarray) -> float:
    """Share of the true best (as many as exist) that were found."""
    products = np.where(allowed, queries @ vectors.T, -np.inf)
    depth = min(rows.shape[1], int(allowed.sum()))
    if not depth:
        return 1.0
    truth = np.argsort(-products, axis=1)[:, :depth]
    return float(np.mean([len(np.intersect1d(found, true)) / depth for found, true in zip(rows, truth, strict=True)]))


def _unit(vectors: np.ndarray) -> Vectors:
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
