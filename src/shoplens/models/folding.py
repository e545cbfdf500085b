"""Histories → one sparse preference row a person: what every closed-form model reads at request time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp

from shoplens.domain.dataset import Histories, Interactions

#: scipy.sparse.csr_matrix, float32; scipy ships no annotations.
Matrix: TypeAlias = Any

Repeats = Literal["once", "log"]


@dataclass(frozen=True, slots=True)
class Folding:
    """How the events of one person with one product become one number.

    Each event counts its weight, halved every `half_life_days` of age and every `half_life_events` of the person's own
    later events (the first needs real times, the second only an order). Repeated events add up; then `once` cuts the
    sum to [-1, 1] (bought or not) and `log` turns it into log2(1 + sum), which is 1 for one fresh purchase.
    """

    half_life_days: float | None = None
    half_life_events: float | None = None
    repeats: Repeats = "once"

    def rows(self, histories: Histories, n_items: int) -> Matrix:
        """Preference matrix, float32 [len(histories), n_items]; entries may be negative."""
        weight = histories.weight
        decay = self._decay(histories)
        if decay is not None:
            weight = weight * decay
        matrix = sp.csr_matrix(
            (weight.astype(np.float32), histories.item, histories.indptr),
            shape=(len(histories), n_items),
            copy=True,  # sum_duplicates works in place; the caller's arrays stay as they are
        )
        matrix.sum_duplicates()
        matrix.data = self._bounded(matrix.data)
        return matrix

    def one_row(self, history: Histories) -> tuple[Any, Any]:
        """The entries of `rows` for a single person: products, ascending, and their values, float32.

        A live request needs no matrix around them; making one takes as long as scoring a small catalogue.
        """
        weight = history.weight
        decay = self._decay(history)
        if decay is not None:
            weight = weight * decay
        order = history.item.argsort(kind="stable")
        item, weight = history.item[order], weight.astype(np.float32)[order]
        first = np.ones(len(item), np.bool_)
        np.not_equal(item[1:], item[:-1], out=first[1:])
        start = first.nonzero()[0]
        if len(start) < len(item):
            item, weight = item[start], np.add.reduceat(weight, start)
        return item, self._bounded(weight)

    def _bounded(self, value: Any) -> Any:
        if self.repeats == "log":
            return np.sign(value) * np.log2(1 + np.abs(value))
        return np.clip(value, -1, 1)

    def _decay(self, histories: Histories) -> Any:
        factor: Any = None
        if self.half_life_days is not None:
            factor = np.exp2(-histories.age_days / np.float32(self.half_life_days))
        if self.half_life_events is not None:
            ends = np.repeat(histories.indptr[1:], np.diff(histories.indptr))
            later = (ends - 1 - np.arange(len(histories.item))).astype(np.float32)
            by_place = np.exp2(-later / np.float32(self.half_life_events))
            factor = by_place if factor is None else factor * by_place
        return factor


def positives(interactions: Interactions) -> Matrix:
    """Who likes what, float32 [n_users, n_items]: the net weight of all events where it is above 0, cut at 1.

    Scaled so that the mean entry is 1: regularisation then means the same for a shop that only records views.
    """
    shape = (len(interactions.users), len(interactions.items))
    matrix = sp.csr_matrix((interactions.weight, (interactions.user, interactions.item)), shape=shape, dtype=np.float32)
    matrix.sum_duplicates()
    np.clip(matrix.data, 0, 1, out=matrix.data)
    matrix.eliminate_zeros()
    if matrix.nnz:
        matrix.data /= matrix.data.mean(dtype=np.float64)
    return matrix


def column_counts(matrix: Matrix) -> Any:
    """How many people have an entry in each column, int64 [n_items]."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1])
