"""Products bought by the same people: cosine neighbours (Sarwar et al., WWW 2001), shrunk where few people speak."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.compute.local import LocalExecutor
from shoplens.domain.dataset import Histories, TrainingData
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Scores
from shoplens.models.folding import Folding, Matrix, positives
from shoplens.models.neighbours import Neighbours, one_by_one, single, strongest, top_of_sparse
from shoplens.models.popularity import decayed_counts

#: Share of the popularity order in every score: breaks ties among products that no neighbour reaches, nothing more.
TIE_BREAK = 1e-6
POPULARITY_HALF_LIFE_DAYS = 60.0  # as in models/popularity


def cosine_neighbours(matrix: Matrix, *, k: int, shrinkage: float, rows: int = 1024) -> Matrix:
    """Top-k cosine of the columns of a [n_users, n_items] matrix, CSR [n_items, n_items], diagonal empty.

    cos(i, j) = xᵢ·xⱼ / (|xᵢ||xⱼ| + shrinkage). Blocks of `rows` products run on all cores (scipy's sparse product
    releases the interpreter lock), so memory is bounded by the products co-bought with one block.
    """
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0), np.float32)).ravel()
    by_item = matrix.T.tocsr()

    def block(start: int) -> Matrix:
        stop = min(start + rows, by_item.shape[0])
        together = (by_item[start:stop] @ matrix).tocsr()
        row = np.repeat(np.arange(start, stop), np.diff(together.indptr))
        together.data /= norm[row] * norm[together.indices] + np.float32(shrinkage)
        together.data[together.indices == row] = 0
        together.eliminate_zeros()
        return top_of_sparse(together, k)

    pieces = list(LocalExecutor().map(block, range(0, by_item.shape[0], rows)))
    return sp.vstack(pieces, format="csr", dtype=np.float32)


class ItemKNN:
    """Score of a product: sum of its similarities to the products of the history, fresher ones counting more."""

    name = "item-knn"

    def __init__(self, *, k: int = 200, shrinkage: float = 10.0, half_life_days: float | None = None) -> None:
        if k < 1 or shrinkage < 0:
            raise ConfigurationError("item-knn needs k of at least 1 and a shrinkage of at least 0")
        self.k = k  # neighbours kept of each product
        self.shrinkage = shrinkage  # in people: pulls similarities that rest on few of them towards 0
        self.folding = Folding(half_life_days=half_life_days)
        self._neighbours = Neighbours(sp.csr_matrix((0, 0), dtype=np.float32))
        self._popularity: npt.NDArray[np.float32] = np.zeros(0, np.float32)  # [n_items], within [0, 1]

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        """Products that somebody wanted; of the others this model knows nothing. [n_items]"""
        return self._popularity > 0

    def fit(self, data: TrainingData) -> Self:
        """Find each product's neighbours."""
        matrix = positives(data.interactions)
        self._neighbours = Neighbours(cosine_neighbours(matrix, k=self.k, shrinkage=self.shrinkage))
        counts = decayed_counts(data.interactions, POPULARITY_HALF_LIFE_DAYS)
        self._popularity = (counts / max(counts.max(initial=0), 1e-12)).astype(np.float32)
        return self

    def score(self, histories: Histories) -> Scores:
        """Sum of similarities; popularity decides among products without any. float32 [len(histories), n_items]."""
        scores = self._neighbours.score(self.folding.rows(histories, len(self._popularity)))
        scores += np.float32(TIE_BREAK) * self._popularity
        return scores

    def explain(self, history: Histories, item: int, *, at_most: int = 3) -> list[tuple[int, float]]:
        """The products of one person's history that speak most for `item`: (item row, part of the score)."""
        preferences = self.folding.rows(history, len(self._popularity))
        value = self._neighbours.contributions(one_by_one(preferences), single(item, len(self._popularity)))
        return strongest(preferences.indices, value, at_most)

    def save(self, folder: Path) -> None:
        """See `Recommender.save`."""
        self._neighbours.save(folder)
        np.save(folder / "popularity.npy", self._popularity, allow_pickle=False)
        config = {"k": self.k, "shrinkage": self.shrinkage, "half_life_days": self.folding.half_life_days}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Recommender.load`."""
        try:
            result = cls(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
            result._popularity = np.load(folder / "popularity.npy", allow_pickle=False)
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(f"{folder}: item-knn cannot be read ({error}); train again") from error
        result._neighbours = Neighbours.load(folder)
        return result
