"""From filter and EASE to one sparse item-to-item matrix, formed block by block.

The popular head of the catalogue is treated exactly and each row cut to its strongest relations; the tail below it gets
plain co-occurrence (a walk of length 1). Which products are head:

- up to `exact_people` people: the most popular products as long as head × (its entries + 5 × head) stays within
  `row_budget`;
- more people: at most `exact_items` products, because EASE then solves a dense system of that size.

In the head the filter is left out when walking its graph would cost more than ten times `row_budget`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.compute.local import LocalExecutor
from shoplens.models.folding import Matrix, column_counts
from shoplens.models.linear.ease import Ease, solve
from shoplens.models.linear.filter import GraphFilter, power
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import blocks, top_of_dense, top_of_sparse

SCALE_SAMPLE = 256  # people whose scores bring filter and EASE to one scale
PICKING_COST = 5  # multiply-adds that looking at one score costs when the strongest relations are picked


def choose_head(matrix: Matrix, settings: LinearSettings) -> npt.NDArray[np.int64]:
    """Rows of the products treated exactly, most popular first."""
    counts = column_counts(matrix)
    order = np.argsort(-counts, kind="stable")
    order = order[: int((counts > 0).sum())]
    if matrix.shape[0] > settings.exact_people:
        return order[: settings.exact_items]
    number = np.arange(1, len(order) + 1, dtype=np.float64)
    cost = number * (np.cumsum(counts[order]) + PICKING_COST * number)
    return order[: int(np.searchsorted(cost, settings.row_budget, "right"))]


def filter_affordable(head: Matrix, settings: LinearSettings) -> bool:
    """Whether forming all filter rows of this head costs little enough, see the module's text."""
    passes = 1 if head.shape[0] <= settings.exact_people else 5
    return bool(head.shape[1] * float(head.nnz) * passes <= 10 * settings.row_budget)


@dataclass(frozen=True, slots=True)
class Parts:
    """Filter and EASE over the head, either of which may be missing, and the factors that give both one scale."""

    graph: GraphFilter | None
    ease: Ease | None
    head: npt.NDArray[np.int64]

    def score(
        self, preferences: Matrix, settings: LinearSettings, scale: tuple[float, float]
    ) -> npt.NDArray[np.float32]:
        """Scores of the head for preference rows over the head, float32 [n_people, len(head)]."""
        total: npt.NDArray[np.float32] = np.zeros(preferences.shape, np.float32)
        if self.graph is not None and any(settings.filter_steps):
            total += self.graph.score(preferences, settings.filter_steps) * np.float32(scale[0])
        if self.ease is not None and settings.ease_share:
            total += self.ease.score(preferences) * np.float32(settings.ease_share * scale[1])
        return total


def build_parts(matrix: Matrix, head: npt.NDArray[np.int64], settings: LinearSettings) -> Parts:
    """Fit what the settings ask for on the head's columns."""
    columns = matrix[:, head].tocsr()
    wanted = any(settings.filter_steps) and filter_affordable(columns, settings)
    graph = GraphFilter(columns, settings) if wanted else None
    ease = solve(columns, settings) if settings.ease_share else None
    return Parts(graph, ease, head)


def common_scale(parts: Parts, matrix: Matrix, settings: LinearSettings) -> tuple[float, float]:
    """Factors for filter and EASE after which a typical person's scores have a standard deviation of 1 in both."""
    sample = matrix[sample_people(matrix, SCALE_SAMPLE, settings.seed)][:, parts.head].tocsr()
    graph = parts.graph.score(sample, settings.filter_steps) if parts.graph and any(settings.filter_steps) else None
    ease = parts.ease.score(sample) if parts.ease else None
    return (spread(graph), spread(ease))


def spread(scores: npt.NDArray[np.float32] | None) -> float:
    """1 / geometric mean of people's standard deviations; 1 when there is nothing to scale."""
    if scores is None or not len(scores):
        return 1.0
    deviation = scores.std(axis=1, dtype=np.float64)
    deviation = deviation[deviation > 0]
    return float(np.exp(-np.log(deviation).mean())) if len(deviation) else 1.0


def sample_people(matrix: Matrix, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows of at most `count` people who have any entry."""
    active = np.flatnonzero(np.diff(matrix.indptr))
    if len(active) > count:
        active = np.sort(np.random.default_rng(seed).choice(active, count, replace=False))
    return active


def form_relations(matrix: Matrix, settings: LinearSettings) -> Matrix:
    """The item-to-item matrix, CSR float32 [n_items, n_items] with an empty diagonal."""
    n_items = matrix.shape[1]
    if not matrix.nnz:
        return sp.csr_matrix((n_items, n_items), dtype=np.float32)
    head = choose_head(matrix, settings)
    parts = build_parts(matrix, head, settings)
    scale = common_scale(parts, matrix, settings)
    single = sp.identity(len(head), dtype=np.float32, format="csr")

    def strongest(rows: slice) -> Matrix:
        block = parts.score(single[rows], settings, scale)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0
        return top_of_dense(block, settings.neighbours)

    cut = blocks(len(head), len(head) + min(matrix.shape[0], settings.exact_people), 48 << 20)
    # Sparse products and partitions release the interpreter lock, so threads share the blocks.
    exact = sp.vstack(list(LocalExecutor().map(strongest, cut)), format="csr")
    place = sp.csr_matrix((np.ones(len(head), np.float32), (np.arange(len(head)), head)), (len(head), n_items))
    relations = (place.T @ exact @ place).tocsr()
    tail = np.setdiff1d(np.flatnonzero(column_counts(matrix)), head)
    return relations if not len(tail) else (relations + _tail_relations(matrix, tail, relations, settings)).tocsr()


def _tail_relations(matrix: Matrix, tail: npt.NDArray[np.int64], relations: Matrix, settings: LinearSettings) -> Matrix:
    """Walks of length 1 from and to the tail, on the scale of the head's relations."""
    n_items = matrix.shape[1]
    per_user = power(np.asarray(matrix.sum(axis=1), np.float64).ravel(), -2 * settings.user_power)
    per_item = np.asarray(matrix.sum(axis=0), np.float64).ravel()
    into = power(per_item, -settings.item_power)
    out = power(per_item, settings.popularity_power - settings.item_power)
    back = matrix[:, tail].T.tocsr() @ sp.diags(per_user)
    back = (sp.diags(into[tail]) @ back).tocsr()
    onward = (matrix @ sp.diags(out)).tocsr()
    pieces = []
    for rows in blocks(len(tail), min(n_items, 20_000), 64 << 20):
        together = (back[rows] @ onward).tocsr()
        own = np.repeat(tail[rows], np.diff(together.indptr)) == together.indices
        together.data[own] = 0
        together.eliminate_zeros()
        pieces.append(top_of_sparse(together, settings.neighbours // 2))
    found = sp.vstack(pieces, format="csr")
    place = sp.csr_matrix((np.ones(len(tail), np.float32), (np.arange(len(tail)), tail)), (len(tail), n_items))
    rows_of_tail = (place.T @ found).tocsr()
    is_tail = np.zeros(n_items, np.float32)
    is_tail[tail] = 1
    to_tail = top_of_sparse((sp.diags(1 - is_tail) @ rows_of_tail.T).tocsr(), max(1, settings.neighbours // 4))
    both = (rows_of_tail + to_tail).tocsr()
    both.data *= np.float32(_typical(relations) / max(_typical(rows_of_tail), 1e-12))
    return both


def _typical(matrix: Matrix) -> float:
    """Mean of the largest entries of the rows that have any."""
    largest = np.asarray(matrix.max(axis=1).todense(), np.float64).ravel()
    largest = largest[largest > 0]
    return float(largest.mean()) if len(largest) else 1.0
