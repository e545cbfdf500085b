"""The closed forms against their textbook formulas, and the sparse pieces they are built from."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Histories, Modality
from shoplens.errors import BundleError
from shoplens.models.folding import Folding
from shoplens.models.linear.content import content_vectors
from shoplens.models.linear.ease import EaseByItems, EaseByPeople, solve
from shoplens.models.linear.filter import GraphFilter
from shoplens.models.linear.relations import choose_head, form_relations
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import Neighbours, load_matrix, one_history, save_matrix, top_of_dense, top_of_sparse

SETTINGS = LinearSettings(select=False)


def purchases(people: int = 40, items: int = 25, seed: int = 0) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    dense = (rng.random((people, items)) < 0.2).astype(np.float32)
    dense[np.arange(people), np.arange(people) % items] = 1  # nobody and nothing is left without an entry
    return sp.csr_matrix(dense)


def test_both_forms_of_ease_are_the_published_one() -> None:
    matrix = purchases()
    dense = matrix.toarray().astype(np.float64)
    penalty = 7.0
    inverse = np.linalg.inv(dense.T @ dense + penalty * np.eye(25))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    lift = np.ones(25, np.float32)
    for form in (EaseByItems, EaseByPeople):
        assert form(matrix, penalty, lift).score(matrix) == pytest.approx(dense @ weights, abs=1e-4), form.__name__


def test_ease_solves_the_smaller_side() -> None:
    assert isinstance(solve(purchases(20, 30), SETTINGS), EaseByPeople)
    assert isinstance(solve(purchases(30, 20), SETTINGS), EaseByItems)


@pytest.mark.parametrize("steps", [(1.0, 0.0, 0.0), (0.0, 1.0, 5.0)])
def test_the_filter_is_its_formula_whichever_way_it_walks(steps: tuple[float, float, float]) -> None:
    matrix = purchases()
    dense = matrix.toarray().astype(np.float64)
    into = dense.sum(axis=0) ** -SETTINGS.item_power
    graph = dense.sum(axis=1, keepdims=True) ** -SETTINGS.user_power * dense * into
    graph /= np.linalg.norm(graph, 2)
    low = graph.T @ graph
    walks = sum(weight * np.linalg.matrix_power(low, n) for n, weight in enumerate(steps, start=1))
    expected = (dense * into) @ walks * dense.sum(axis=0) ** SETTINGS.popularity_power
    found = GraphFilter(matrix, SETTINGS)
    assert found.score(matrix, steps) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    own = np.diag(found.score(sp.identity(25, dtype=np.float32, format="csr"), steps))
    assert found.own(steps) == pytest.approx(own, abs=1e-5)
    found._people = None  # as with many people: walk the graph
    assert found.score(matrix, steps) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert found.own(steps) == pytest.approx(own, abs=1e-5)


def test_uncut_relations_score_like_the_parts() -> None:
    matrix = purchases()
    chosen = LinearSettings(select=False, neighbours=25, filter_steps=(0.0, 0.0, 0.0), ease_share=1.0)
    relations = form_relations(matrix, chosen)
    scores, expected = matrix @ relations, solve(matrix, chosen).score(matrix)
    assert np.corrcoef(scores.toarray().ravel(), expected.ravel())[0, 1] == pytest.approx(1, abs=1e-5)
    assert not relations.diagonal().any()


def test_the_head_holds_the_popular_products_within_the_budget() -> None:
    matrix = purchases(60, 40)
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    head = choose_head(matrix, LinearSettings(row_budget=6_000.0))
    assert 0 < len(head) < 40
    assert counts[head].min() >= np.delete(counts, head).max()
    by_size = choose_head(matrix, LinearSettings(exact_people=10, exact_items=7))
    assert len(by_size) == 7


def test_the_tail_is_related_by_co_occurrence() -> None:
    matrix = purchases(60, 40)
    relations = form_relations(matrix, LinearSettings(select=False, row_budget=6_000.0, neighbours=40))
    together = (matrix.T @ matrix).toarray()
    tail = np.setdiff1d(np.arange(40), choose_head(matrix, LinearSettings(row_budget=6_000.0)))
    np.fill_diagonal(together, 0)
    assert ((relations.toarray()[tail] != 0) <= (together[tail] > 0)).all()
    assert (np.diff(relations.indptr)[tail] > 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 12), st.integers(0, 10_000))
def test_the_strongest_entries_of_each_row_stay(rows: int, width: int, k: int, seed: int) -> None:
    block = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    kept = top_of_dense(block.copy(), k)
    assert (kept != top_of_sparse(sp.csr_matrix(block), k)).nnz == 0
    for row, found in zip(block, kept.toarray(), strict=True):
        assert np.abs(found).sum() == pytest.approx(np.sort(np.abs(row))[-k:].sum(), rel=1e-5)


def test_a_history_ages_by_days_and_by_later_events() -> None:
    history = one_history([3, 1, 3], [1.0, 1.0, 0.5], [20.0, 10.0, 0.0])
    assert Folding().rows(history, 5).toarray().tolist() == [[0, 1, 0, 1, 0]]
    by_days = Folding(half_life_days=10).rows(history, 5).toarray()[0]
    assert by_days.tolist() == pytest.approx([0, 0.5, 0, 0.75, 0])
    by_events = Folding(half_life_events=1, repeats="log").rows(history, 5).toarray()[0]
    assert by_events[[1, 3]].tolist() == pytest.approx([np.log2(1.5), np.log2(1.75)])


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([-1.0, 0.3, 1.0])), max_size=60),
    st.sampled_from([Folding(), Folding(repeats="log"), Folding(half_life_events=3.0)]),
)
def test_one_history_folds_like_many(events: list[tuple[int, float]], folding: Folding) -> None:
    history = one_history([item for item, _ in events], [weight for _, weight in events])
    items, value = folding.one_row(history)
    expected = folding.rows(history, 31)
    assert items.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(value, expected.data, rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(0, 24), unique=True, max_size=25))
def test_one_row_times_the_relations_is_the_product_to_the_bit(items: list[int]) -> None:
    neighbours = Neighbours(((purchases().T @ purchases()).tocsr() / 3).astype(np.float32))
    rows, weight = np.array(sorted(items), np.int32), np.linspace(-1, 1, len(items), dtype=np.float32)
    preferences = sp.csr_matrix((weight, rows, np.array([0, len(rows)])), shape=(1, 25))
    expected = (preferences @ neighbours.matrix).toarray()[0]
    assert neighbours.score_one(rows, weight).tobytes() == expected.tobytes()
    assert neighbours.score(preferences)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("item", [-1, 25])
def test_products_outside_the_catalogue_are_refused(item: int) -> None:
    with pytest.raises(IndexError, match="0 to 24"):
        Neighbours(purchases().T @ purchases()).score_one(np.array([item]), np.ones(1, np.float32))


def test_folding_takes_back_what_was_returned() -> None:
    history = Histories.of_one(np.array([2, 2], np.int32), np.array([1, -1], np.float32), np.zeros(2, np.float32))
    assert not Folding().rows(history, 4).toarray().any()


def test_content_compares_by_what_both_have() -> None:
    values = np.array([[1, 0], [1, 0.1], [-1, 0], [0, 0]], np.float32)
    text = Modality("text", values, np.array([True, True, True, False]))
    image = Modality("image", -values, np.array([True, False, True, False]))
    vectors = content_vectors([text, image], np.arange(4))
    cosine = vectors @ vectors.T
    assert cosine[0, 0] == pytest.approx(1, abs=1e-5)
    assert cosine[0, 1] > 0 > cosine[0, 2]
    assert not vectors[3].any()


def test_a_saved_matrix_is_read_by_memory_map_and_checked(tmp_path: Path) -> None:
    matrix = purchases()
    save_matrix(tmp_path, "m", matrix)
    assert (load_matrix(tmp_path, "m") != matrix).nnz == 0
    np.save(tmp_path / "m-indices.npy", matrix.indices[:-1])
    with pytest.raises(BundleError, match="do not fit"):
        load_matrix(tmp_path, "m")
