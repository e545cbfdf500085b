"""The models of `implicit` as recommenders of Shoplens, so that all are judged by the same code."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from threadpoolctl import threadpool_limits

from shoplens.domain.dataset import Histories, Interactions
from shoplens.models.folding import Matrix

KINDS: Mapping[str, Any] = {
    "implicit_ials": AlternatingLeastSquares,
    "implicit_bm25": BM25Recommender,
    "implicit_cosine": CosineRecommender,
}


def counts(interactions: Interactions) -> Matrix:
    """What implicit learns from: one row a person, CSR float32 [n_users, n_items], wanted products only."""
    liked = interactions.take(interactions.weight > 0)
    shape = (len(interactions.users), len(interactions.items))
    matrix = sp.csr_matrix((liked.weight, (liked.user, liked.item)), shape=shape, dtype=np.float32)
    matrix.sum_duplicates()
    return matrix


class Implicit:
    """One of KINDS with settings; knows the people it was trained on by the profile row of their history."""

    def __init__(self, name: str, settings: Mapping[str, float]) -> None:
        self.name = name
        self.settings = dict(settings)
        self._matrix: Matrix = None
        self._model: Any = None

    def fit(self, matrix: Matrix) -> Implicit:
        """Learn with as many threads as there are cores."""
        self._matrix = matrix
        seed = {"random_state": 0} if self.name == "implicit_ials" else {}
        with threadpool_limits(1, "blas"), warnings.catch_warnings():  # as implicit asks for: it runs its own threads
            warnings.filterwarnings("ignore", "Method expects CSR", module="implicit")  # of its own making
            self._model = KINDS[self.name](**self.settings, **seed)
            self._model.fit(matrix, show_progress=False)
        return self

    def score(self, histories: Histories) -> npt.NDArray[np.float32]:
        """Scores of all products, float32 [len(histories), n_items]."""
        if self.name == "implicit_ials":
            result = self._model.user_factors[histories.profile] @ self._model.item_factors.T
        else:
            result = (self._matrix[histories.profile] @ self._model.similarity).toarray()
        return np.asarray(result, np.float32)


class FoldedIALS(Implicit):
    """iALS that knows people by their histories alone: it solves for their factors with the products held still.

    Serves people whose history went on after training. Somebody without a history gets 0 for every product.
    `logarithm`: it learns from log(1 + r) instead of r, the sum of a person's events with a product.
    """

    def __init__(self, settings: Mapping[str, float], *, logarithm: bool = False) -> None:
        super().__init__("implicit_ials", settings)
        self.logarithm = logarithm

    def fit(self, matrix: Matrix) -> FoldedIALS:
        """Learn with as many threads as there are cores. `matrix`: see `counts`."""
        super().fit(matrix.log1p() if self.logarithm else matrix)
        _ = self._model.YtY  # kept by the model from now on, before several threads ask for it
        return self

    def score(self, histories: Histories) -> npt.NDArray[np.float32]:
        """Scores of all products, float32 [len(histories), n_items].

        ValueError when the equations cannot be solved for want of regularization.
        """
        person = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        liked = histories.weight > 0
        shape = (len(histories), len(self._model.item_factors))
        entries = (histories.weight[liked], (person[liked], histories.item[liked]))
        matrix = sp.csr_matrix(entries, shape=shape, dtype=np.float32)  # what is there twice is summed
        matrix.sum_duplicates()
        known = matrix.log1p() if self.logarithm else matrix
        factors = self._model.recalculate_user(np.arange(len(histories)), known)
        return np.asarray(factors @ self._model.item_factors.T, np.float32)
