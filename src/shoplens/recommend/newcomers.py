"""Products that came after training: scored like the trained products they resemble, so that they can be found at once.

Resemblance is by content vectors where the product has been embedded, otherwise by category and brand. Without either a
product is only listed as new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Modality
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.learned import Learned

NEIGHBOURS = 5  # trained products that a new one is scored by
DISCOUNT = 0.9  # a guess from neighbours is a little less sure than behaviour
MOST = 20_000  # newcomers that are scored; beyond that it is time to train again

#: item_ids → content of exactly these products, in this order; empty when nothing was embedded.
Contents = Callable[[Sequence[str]], tuple[Modality, ...]]


@dataclass(frozen=True, slots=True)
class Newcomers:
    """New products in rows of their own: entry k is the product in facts row `rows[k]`."""

    rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # [m]
    near: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, NEIGHBOURS), np.int64))  # trained rows
    share: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, NEIGHBOURS), np.float32))  # sum ≤ 1
    vectors: npt.NDArray[np.float32] | None = None  # [m, size], zero without content

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def find(cls, learned: Learned, facts: CatalogueFacts, rows: Sequence[int], contents: Contents) -> Newcomers:
        """Look up the neighbours of the products in these rows of `facts`."""
        chosen = np.array(rows[-MOST:], np.int64)
        if not len(chosen) or not len(learned.items):
            return cls(
                chosen, np.zeros((len(chosen), NEIGHBOURS), np.int64), np.zeros((len(chosen), NEIGHBOURS), np.float32)
            )
        near = np.zeros((len(chosen), NEIGHBOURS), np.int64)
        share = np.zeros((len(chosen), NEIGHBOURS), np.float32)
        item_ids = [facts.ids[row] for row in chosen]
        vectors = learned.encode(contents(item_ids), len(item_ids))
        embedded = np.zeros(len(chosen), bool)
        if vectors is not None and learned.index is not None:
            embedded = np.linalg.norm(vectors, axis=1) > 0.5
            if embedded.any():
                found, scores = learned.index.search(vectors[embedded], NEIGHBOURS)
                near[embedded] = np.maximum(found, 0)
                share[embedded] = _shares(np.where(found >= 0, np.maximum(scores, 0.0), 0.0))
        for position in np.flatnonzero(~embedded):
            trained = _neighbours_by_place(learned, facts, int(chosen[position]))
            near[position, : len(trained)] = trained
            share[position, : len(trained)] = 0.5 / max(len(trained), 1)  # category alone says about half as much
        return cls(chosen, near, share, vectors)

    def scores(self, trained: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores of the newcomers from those of the trained products: the mean of their neighbours', pulled towards the
        average product as far as the resemblance is weak. [m]"""
        return self.scored(trained[self.near], float(trained.mean()) if len(trained) else 0.0)

    def scored(self, near: npt.NDArray[np.float32], middle: float) -> npt.NDArray[np.float32]:
        """The same, by the scores of their neighbours, [m, NEIGHBOURS], and the mean of all trained products."""
        scores: npt.NDArray[np.float32] = middle + DISCOUNT * ((near - middle) * self.share).sum(axis=1)
        return scores

    def stand_ins(self, facts: CatalogueFacts) -> dict[str, tuple[tuple[int, float], ...]]:
        """item_id → its neighbours with their shares, for histories that mention a newcomer."""
        return {
            facts.ids[row]: tuple((int(k), float(s)) for k, s in zip(near, share, strict=True) if s > 0)
            for row, near, share in zip(self.rows, self.near, self.share, strict=True)
        }


def _shares(similarity: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Weights that grow with similarity and sum to the best similarity, so that a poor match stays a weak one."""
    total = similarity.sum(axis=1, keepdims=True)
    best = similarity.max(axis=1, keepdims=True)
    shares: npt.NDArray[np.float32] = np.divide(
        similarity * best, total, out=np.zeros_like(similarity), where=total > 0
    )
    return shares


def _neighbours_by_place(learned: Learned, facts: CatalogueFacts, row: int) -> list[int]:
    """Trained products of the same category, those of the same brand and the nearest price first."""
    rows = facts.same_place(row)
    if not len(rows):
        return []
    columns = facts.columns
    gap = np.abs(np.log1p(columns.price[rows]) - np.log1p(columns.price[row]))
    order = np.lexsort((rows, np.nan_to_num(gap, nan=9.9), columns.brand[rows] != columns.brand[row]))
    trained = [learned.items.get(facts.ids[rows[k]]) for k in order[: 20 * NEIGHBOURS]]
    return [one for one in trained if one >= 0][:NEIGHBOURS]
