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
        if self.repeats == "log":
            matrix.data = np.sign(matrix.data) * np.log2(1 + np.abs(matrix.data))
        else:
            np.clip(matrix.data, -1, 1, out=matrix.data)
        return matrix

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
