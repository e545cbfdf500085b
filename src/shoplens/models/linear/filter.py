"""Low-pass filter on the graph of people and products, by alternating sparse products.

R = D_u^-a X D_i^-b, divided by its largest singular value; a history r answers with Σ_n w_n · r (RᵀR)ⁿ · D_i^c.
After Shen et al., "How Powerful is Graph Convolution for Recommendation?" (CIKM 2021), without their SVD: short walks
already are a low pass, and no item-by-item matrix is ever formed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from shoplens.models.folding import Matrix
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import blocks

DENSE_PEOPLE = 6_000  # up to here the people-by-people Gram matrix (144 MB) is cheaper than walking the graph


def power(values: npt.NDArray[np.floating], exponent: float) -> npt.NDArray[np.float32]:
    """values ** exponent, with 0 where the value is 0 (a product or person without any entry)."""
    result = np.zeros(len(values), np.float64)
    np.power(values, exponent, out=result, where=values > 0)
    return result.astype(np.float32)


class GraphFilter:
    """The filter of one preference matrix, float32 [n_users, n_items]."""

    def __init__(self, matrix: Matrix, settings: LinearSettings) -> None:
        per_user = np.asarray(matrix.sum(axis=1), np.float64).ravel()
        per_item = np.asarray(matrix.sum(axis=0), np.float64).ravel()
        self._into = power(per_item, -settings.item_power)  # [n_items]
        graph = sp.diags(power(per_user, -settings.user_power)) @ matrix @ sp.diags(self._into)
        graph = graph.tocsr().astype(np.float32)
        graph /= _largest_singular_value(graph, settings.seed)
        self._graph, self._back = graph, graph.T.tocsr()  # [n_users, n_items] and its transpose
        self._out = power(per_item, settings.popularity_power)  # [n_items]
        few = graph.shape[0] <= DENSE_PEOPLE
        self._people: npt.NDArray[np.float32] | None = (graph @ self._back).toarray() if few else None

    def score(self, preferences: Matrix, steps: tuple[float, ...]) -> npt.NDArray[np.float32]:
        """Filtered preferences, float32 [n_people, n_items]; `steps[n - 1]` weighs walks of length n."""
        length = int(np.max(np.flatnonzero(steps), initial=-1)) + 1
        walks = self.walks(preferences, max(1, length))
        total = sum(np.float32(weight) * walk for weight, walk in zip(steps, walks, strict=False) if weight)
        return self.arrive(np.asarray(total, np.float32) if length else np.zeros_like(walks[0]))

    def walks(self, preferences: Matrix, length: int) -> list[npt.NDArray[np.float32]]:
        """For n = 1 … length: r (RᵀR)ⁿ⁻¹ Rᵀ, walks of length n before their last step. Each [n_users, n_people]."""
        into = (preferences @ sp.diags(self._into)).tocsr()
        walks = [(self._graph @ into.T.tocsr()).toarray()]
        for _ in range(length - 1):
            walk = walks[-1]
            walks.append(self._graph @ (self._back @ walk) if self._people is None else self._people @ walk)
        return walks

    def own(self, steps: tuple[float, ...]) -> npt.NDArray[np.float32]:
        """What each product adds to its own score, float32 [n_items].

        Walks w₁ = R eᵢ and w₂ = R Rᵀ w₁ suffice: |w₁|², w₁·w₂ and |w₂|² are the returns after 1, 2 and 3 walks.
        """
        n_items = self._graph.shape[1]
        single = sp.identity(n_items, dtype=np.float32, format="csr")
        result = np.zeros(n_items, np.float32)
        for rows in blocks(n_items, self._graph.shape[0], 64 << 20):
            first, second = self.walks(single[rows], 2)
            pairs = ((first, first), (first, second), (second, second))
            for weight, (one, other) in zip(steps, pairs, strict=True):
                result[rows] += np.float32(weight) * np.einsum("ui,ui->i", one, other)
        # Each walk carries one factor of the way in, the product of two carries it twice.
        scale = np.divide(self._out, self._into, out=np.zeros_like(self._out), where=self._into > 0)
        return result * scale

    def arrive(self, walk: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The last step, from people to products. float32 [n_people, n_items]."""
        result: npt.NDArray[np.float32] = (self._back @ walk).T * self._out
        return result


def _largest_singular_value(matrix: Matrix, seed: int) -> np.float32:
    """Of a matrix that may be empty or tiny; at least 1e-12 so that one can divide by it."""
    if min(matrix.shape) < 3 or not matrix.nnz:
        value = np.linalg.norm(matrix.toarray(), 2) if matrix.nnz else 1.0
    else:
        start = np.random.default_rng(seed).random(min(matrix.shape)).astype(np.float32)
        value = svds(matrix, k=1, v0=start, return_singular_vectors=False)[0]
    return np.float32(max(float(value), 1e-12))
