"""Vectors of products that come, change and leave, and what a search finds of them."""

from __future__ import annotations

import threading

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.errors import InputError
from shoplens.retrieval.base import Mask, Vectors
from shoplens.retrieval.semantic import FINER, VectorSignal

SIZE = 16
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    faiss.omp_set_num_threads(1)  # some thousand vectors are not worth threads that wait for one another


def clustered(count: int, size: int, seed: int) -> Vectors:
    """Unit vectors, fifty of a kind."""
    random = np.random.default_rng(seed)
    middles = random.normal(size=(max(count // 50, 1), size))
    vectors = middles[random.integers(len(middles), size=count)] + 0.5 * random.normal(size=(count, size))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def recall(signal: VectorSignal, queries: Vectors, allowed: Mask) -> float:
    """Share of the ten best rows, or as many as there are, that are found."""
    kept = signal.rows()[allowed[signal.rows()]]
    found = []
    for vector in queries:
        best = np.sort(signal.score(vector, kept))[::-1][:10]
        rows, scores = signal.search(vector, 10, allowed)
        assert allowed[rows].all()
        found.append((scores >= best[-1] - 1e-5).sum() / len(best))
    return float(np.mean(found))


@pytest.mark.parametrize("exact_below", [100_000, 0])
def test_recall_under_filters_of_every_width(exact_below: int) -> None:
    signal = VectorSignal("meaning", SIZE, exact_below=exact_below)
    signal.put(np.arange(1, 6_001), clustered(6_000, SIZE, 0))
    signal.rebuild()
    signal.put(np.arange(5_501, 6_501), clustered(1_000, SIZE, 1))  # some changed, some new
    signal.remove(np.arange(1, 301))
    random, queries = np.random.default_rng(2), clustered(40, SIZE, 3)
    for share in SHARES:
        allowed = random.random(6_501) < share
        allowed[1_000] = True
        assert recall(signal, queries, allowed) >= 0.99, f"a filter that keeps {share:.1%}"


def test_vectors_of_different_lengths_are_found_through_an_index_too() -> None:
    """Like those of attributes: logarithms of probabilities, asked with probabilities."""
    random = np.random.default_rng(0)
    shown = random.dirichlet(np.full(40, 0.05), 4_000).astype(np.float32)
    vectors = np.log(np.maximum(shown, 1e-3)) + 0.1 * random.normal(size=shown.shape).astype(np.float32)
    signal = VectorSignal("attributes", 40, exact_below=0)
    signal.put(np.arange(4_000), vectors)
    signal.rebuild()
    asked = random.dirichlet(np.full(40, 0.1), 50).astype(np.float32)
    everything = np.ones(4_000, bool)
    assert recall(signal, asked, everything) >= 0.99
    assert recall(signal, asked, random.random(4_000) < 0.5) >= 0.99
    assert np.allclose(signal.score(asked[0], np.arange(50)), vectors[:50] @ asked[0], atol=1e-4)


changes = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.integers(0, 30), min_size=1, max_size=8)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 40), max_size=8)),
        st.tuples(st.just("rebuild"), st.just([])),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(changes, st.booleans(), st.integers(0, 2**31))
def test_what_is_found_is_what_was_put_last(done: list[tuple[str, list[int]]], index: bool, seed: int) -> None:
    """However products come, change and leave: as if all had been put in at once."""
    random = np.random.default_rng(seed)
    signal, truth = VectorSignal("meaning", SIZE, exact_below=0 if index else 1_000), dict[int, Vectors]()
    for what, rows in done:
        if what == "put":
            vectors = random.normal(size=(len(rows), SIZE)).astype(np.float32)
            signal.put(rows, vectors)
            truth |= dict(zip(rows, vectors, strict=True))
        elif what == "remove":
            signal.remove(rows)
            truth = {row: vector for row, vector in truth.items() if row not in rows}
        else:
            signal.rebuild()
    asked = random.normal(size=SIZE).astype(np.float32)
    allowed = random.random(35) < 0.7
    expected = {row: float(vector @ asked) for row, vector in truth.items()}
    best, scores = signal.search(asked, 50)
    assert best.tolist() == sorted(expected, key=lambda row: -expected[row])
    assert np.allclose(scores, [expected[row] for row in best.tolist()], atol=1e-4)
    kept = [row for row in best.tolist() if row < 35 and allowed[row]]
    assert signal.search(asked, 50, allowed)[0].tolist() == kept
    everything = np.arange(45)
    told = signal.score(asked, everything)
    assert np.flatnonzero(signal.has(everything)).tolist() == np.flatnonzero(~np.isnan(told)).tolist() == sorted(truth)
    assert len(signal) == len(truth)


def test_nothing_is_lost_while_an_index_is_built() -> None:
    signal = VectorSignal("meaning", SIZE, exact_below=0)
    vectors = clustered(3_000, SIZE, 0)
    signal.put(np.arange(3_000), vectors)
    stop, wrong = threading.Event(), list[str]()

    def build() -> None:
        while not stop.is_set():
            signal.rebuild()

    def look() -> None:
        random = np.random.default_rng(1)
        while not stop.is_set():
            row = int(random.integers(1_000, 3_000))  # these stay, and stay as they are but for their place
            ghosts = gone.is_set()
            rows, _ = signal.search(vectors[row], 3)
            if row not in rows:
                wrong.append(f"{row} was lost")
            if ghosts and (rows < 500).any():
                wrong.append(f"a ghost among {rows}")

    gone = threading.Event()
    threads = [threading.Thread(target=build), *(threading.Thread(target=look) for _ in range(2))]
    for thread in threads:
        thread.start()
    for row in range(1_000, 1_200):
        signal.put([row], vectors[[row]])
    signal.remove(np.arange(500))
    gone.set()
    for row in range(1_200, 1_400):
        signal.put([row], vectors[[row]])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(signal) == 2_500


def test_it_says_when_it_wants_to_be_built() -> None:
    signal = VectorSignal("meaning", SIZE, exact_below=2_000)
    signal.put(np.arange(1_500), clustered(1_500, SIZE, 0))
    told = [signal.wants_rebuild]
    for _ in range(2):
        signal.put(np.arange(1_500), clustered(1_500, SIZE, 0))
    told.append(signal.wants_rebuild)  # twice as many dead as living
    signal.rebuild()
    told.append(signal.wants_rebuild)
    signal.put(np.arange(1_500, 3_000), clustered(1_500, SIZE, 1))
    told.append(signal.wants_rebuild)  # so many need an index
    signal.rebuild()
    told.append(signal.wants_rebuild)
    assert told == [False, True, False, True, False]


def test_finer_scores_order_what_the_dot_product_finds() -> None:
    signal = VectorSignal("looks", SIZE, rescore=lambda asked, vectors: -(vectors @ asked))
    vectors = clustered(200, SIZE, 0)
    signal.put(np.arange(200), vectors)
    rows, scores = signal.search(vectors[0], 5)
    found = np.argsort(-(vectors @ vectors[0]))[: 5 * FINER]
    assert rows.tolist() == found[::-1][:5].tolist()  # of those that the dot product finds, the best by the other score
    assert (np.diff(scores) >= 0).sum() == 0
    assert np.allclose(signal.score(vectors[0], np.array([0])), -1.0, atol=1e-5)


def test_what_is_usual_is_the_mean_of_all() -> None:
    signal = VectorSignal("meaning", SIZE)
    assert signal.usual(np.ones(SIZE, np.float32)) == (0.0, 1.0)
    vectors = clustered(200, SIZE, 0)
    signal.put(np.arange(200), vectors)
    scores = vectors @ vectors[0]
    assert signal.usual(vectors[0]) == pytest.approx((scores.mean(), scores.std()), abs=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    signal = VectorSignal("meaning", SIZE)
    with pytest.raises(InputError, match=r"shape \[1, 3\], not \[1, 16\]"):
        signal.put([1], np.zeros((1, 3)))
    with pytest.raises(InputError, match="not finite"):
        signal.put([1], np.full((1, SIZE), np.nan))
    with pytest.raises(InputError, match="a vector of 3 numbers; products have 16"):
        signal.search(np.zeros(3, np.float32), 1)


def test_vectors_that_a_query_has_nothing_to_do_with_are_found_too() -> None:
    """Most of them look no better than nothing when compared roughly."""
    vectors = np.eye(16, dtype=np.float32)[np.arange(4_000) % 16]
    signal = VectorSignal("colours", 16, exact_below=0)
    signal.put(np.arange(len(vectors)), vectors)
    signal.rebuild()
    for query in (vectors[3], np.zeros(16, np.float32)):
        rows, scores = signal.search(query, 300)
        assert len(rows) == len(set(rows.tolist())) == 300
        assert scores.tolist() == sorted((vectors @ query)[rows].tolist(), reverse=True)
        assert scores.sum() == min(300, int((vectors @ query).sum()))
