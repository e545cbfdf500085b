"""EASE: the item-to-item weights that best rebuild every history from its other products, in closed form.

X_n = D_u^-α X, P = (X_nᵀX_n + λI)⁻¹, B = I − P / diag(P), scores X_n B · popularity^c.
After Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019). When people are fewer than products
the same B comes from a system of people (Woodbury): P = (I − X_nᵀ (X_nX_nᵀ + λI)⁻¹ X_n) / λ. No dense
[n_items, n_items] is needed then.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.linalg import lapack

from shoplens.models.folding import Matrix
from shoplens.models.linear.filter import power
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import blocks


class Ease(Protocol):
    """Either form."""

    def score(self, preferences: Matrix) -> npt.NDArray[np.float32]:
        """float32 [n_people, n_items]; a product adds nothing to its own score."""
        ...


def solve(matrix: Matrix, settings: LinearSettings) -> Ease:
    """EASE of a [n_users, n_items] preference matrix, through whichever side is smaller."""
    per_user = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    scaled = (sp.diags(power(per_user, -settings.ease_user_power)) @ matrix).tocsr().astype(np.float32)
    lift = power(np.asarray(matrix.sum(axis=0), np.float64).ravel(), settings.popularity_power)
    people_side = matrix.shape[0] <= settings.exact_people and matrix.shape[0] < matrix.shape[1]
    return (EaseByPeople if people_side else EaseByItems)(scaled, settings.ease_penalty, lift)


class EaseByItems:
    """B as a dense [n_items, n_items] matrix."""

    def __init__(self, scaled: Matrix, penalty: float, lift: npt.NDArray[np.float32]) -> None:
        n_items = scaled.shape[1]
        transposed = scaled.T.tocsr()
        gram = np.empty((n_items, n_items), np.float32)
        for rows in blocks(n_items, n_items):
            gram[rows] = (transposed[rows] @ scaled).toarray()
        gram[np.diag_indices(n_items)] += np.float32(penalty)
        inverse = _inverse(gram)
        diagonal = np.diag(inverse).copy()
        inverse *= -lift / diagonal
        np.fill_diagonal(inverse, 0)
        self._weights = inverse

    def score(self, preferences: Matrix) -> npt.NDArray[np.float32]:
        """See `Ease`."""
        result: npt.NDArray[np.float32] = preferences @ self._weights
        return result


class EaseByPeople:
    """B as X_nᵀ A X_n with A [n_users, n_users]; exact for any number of products."""

    def __init__(self, scaled: Matrix, penalty: float, lift: npt.NDArray[np.float32]) -> None:
        self._scaled, self._transposed = scaled, scaled.T.tocsr()
        gram = (scaled @ self._transposed).toarray()
        gram[np.diag_indices(len(gram))] += np.float32(penalty)
        self._inner = _inverse(gram)  # A
        own = np.empty(scaled.shape[1], np.float64)  # diagonal of X_nᵀ A X_n
        for rows in blocks(len(own), scaled.shape[0]):
            piece = self._transposed[rows]
            own[rows] = np.asarray(piece.multiply(piece @ self._inner).sum(axis=1)).ravel()
        self._lift = (lift / np.maximum(1 - own, 1e-6)).astype(np.float32)  # 1 − own = λ · diag(P)
        self._own = own.astype(np.float32)

    def score(self, preferences: Matrix) -> npt.NDArray[np.float32]:
        """See `Ease`."""
        walk = self._inner @ (self._scaled @ preferences.T.tocsr()).toarray()  # [n_users, n_people]
        result: npt.NDArray[np.float32] = np.ascontiguousarray((self._transposed @ walk).T)
        entries = preferences.tocoo()
        result[entries.row, entries.col] -= entries.data * self._own[entries.col]
        result *= self._lift
        return result


def _inverse(gram: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Inverse of a symmetric positive definite matrix by Cholesky, in its own memory. LAPACK uses all cores."""
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    if not failed:
        factor, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise np.linalg.LinAlgError("the system of EASE is not positive definite; raise ease_penalty")
    inverse = factor.T  # row-major, upper triangle filled
    for rows in blocks(len(inverse), len(inverse)):
        inverse[rows.stop :, rows] = inverse[rows, rows.stop :].T
        corner = inverse[rows, rows]
        inverse[rows, rows] = np.triu(corner) + np.triu(corner, 1).T
    result: npt.NDArray[np.float32] = inverse
    return result
