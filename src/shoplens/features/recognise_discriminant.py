"""Telling products apart by photos: one linear discriminant for all products, with product pictures as prior knowledge.

Fisher's discriminant with a covariance that all products share, shrunk towards a multiple of the identity (Friedman
1989, "Regularized discriminant analysis"). The mean of a product's photos is drawn towards what its picture lets
expect, so that a product with one photo, or none, is a case like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Present = npt.NDArray[np.bool_]

CLIP = 5.0  # standard deviations
SHRINKAGE = 0.4  # share of the identity in the covariance
PICTURE_COUNTS = 4.0  # photos that the expectation from the picture is worth
JUDGED_BY = 2_000  # photos at most that mean and spread of scores are taken from
UNKNOWN = -1e9  # score of a product of which nothing was ever seen


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Scores of all products for rows of photos."""

    mean: Floats  # [size]
    scale: Floats  # [size], the weight of each number over its standard deviation
    limit: Floats  # [size], what a scaled number may be at most
    weights: Floats  # [size, products]
    bias: Floats  # [products]

    def scores(self, rows: Floats) -> Floats:
        """Of rows [n, size]: float32 [n, products]; higher is likelier, differences within a row are meaningful."""
        result: Floats = self.scaled(rows) @ self.weights + self.bias
        return result

    def scaled(self, rows: Floats) -> Floats:
        """Centred, scaled, limited. [n, size]"""
        scaled: Floats = np.clip((rows - self.mean) * self.scale, -self.limit, self.limit)
        return scaled

    @classmethod
    def fit(
        cls,
        rows: Floats,
        labels: Rows,
        pictures: Floats,
        pictured: Present,
        weights: Floats,
        *,
        real: bool,
        picture_counts: float = PICTURE_COUNTS,
    ) -> Self:
        """From rows of photos [n, size] with the product of each, and rows of pictures [products, size].

        `real` photos: products that have some keep how common and how typical they are; those that have none are put
        on the others' scale. Otherwise the photos are made up, and all products are compared by angle alone.
        """
        mean = rows.mean(0)
        scale = weights / (rows.std(0) + 1e-6 * max(float(np.abs(rows).max()), 1e-6))
        empty = np.zeros((0, 0), np.float32)
        base = cls(mean, scale, CLIP * weights, empty, empty)
        scaled = base.scaled(rows)
        centre, means, counts = _means(scaled, labels, base.scaled(pictures), pictured, picture_counts * real)
        solve = Covariance(scaled - plain_means(scaled, labels, len(counts))[labels])
        away = means - centre
        solved = solve(away.T)
        squared = np.maximum((away.T * solved).sum(0), 1e-9)
        if real:
            cold = counts == 0
            typical = np.median(squared[~cold])
            stretch = np.where(cold, np.sqrt(typical / squared), 1.0)
            solved, squared = solved * stretch, squared * stretch**2
            bias = -0.5 * squared - centre @ solved
        else:
            solved = solved / np.sqrt(squared)
            bias = -centre @ solved
        fitted = cls(mean, scale, base.limit, solved.astype(np.float32), bias.astype(np.float32))
        if real and (counts == 0).any():
            fitted = fitted._with_strangers(rows, labels, counts == 0)
        fitted.bias[(counts == 0) & ~pictured] = UNKNOWN
        return fitted

    def _with_strangers(self, rows: Floats, labels: Rows, cold: Present) -> Self:
        """Products without photos score on photos of other products as the rest do, in mean and spread."""
        step = len(rows) // JUDGED_BY + 1
        scores = self.scores(rows[::step])
        other = labels[::step, None] != np.arange(scores.shape[1])
        many = np.maximum(other.sum(0), 1)
        means = (scores * other).sum(0) / many
        spreads = np.sqrt(((scores - means) ** 2 * other).sum(0) / many) + 1e-6
        factor = np.where(cold, spreads[~cold].mean() / spreads, 1.0)
        shift = np.where(cold, means[~cold].mean() - means * factor, 0.0)
        weights, bias = self.weights * factor, self.bias * factor + shift
        return type(self)(self.mean, self.scale, self.limit, weights.astype(np.float32), bias.astype(np.float32))


def plain_means(rows: Floats, labels: Rows, count: int) -> Floats:
    """Mean row of each product, zeros for those without. [count, size]"""
    sums = np.zeros((count, rows.shape[1]), np.float32)
    np.add.at(sums, labels, rows)
    photos = np.maximum(np.bincount(labels, minlength=count), 1).astype(np.float32)
    means: Floats = sums / photos[:, None]
    return means


def _means(
    rows: Floats, labels: Rows, pictures: Floats, pictured: Present, picture_counts: float
) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
    """The centre [size], the mean of each product drawn towards its picture [products, size], photos of each.

    How far a picture's difference from other pictures carries over to photos is estimated over products with both.
    """
    counts = np.bincount(labels, minlength=len(pictures))
    means = plain_means(rows, labels, len(pictures))
    centre = means[counts > 0].mean(0)
    both = (counts > 0) & pictured
    away = np.zeros_like(pictures)
    carried = 0.0
    if both.sum() > 1:
        away = np.where(pictured[:, None], pictures - pictures[both].mean(0), 0.0)
        carried = float((away[both] * (means[both] - centre)).sum() / max(float((away[both] ** 2).sum()), 1e-9))
    elif pictured.any():
        away = np.where(pictured[:, None], pictures - pictures[pictured].mean(0), 0.0)
        carried = 1.0
    expected = centre + max(carried, 0.0) * away
    counted = counts[:, None].astype(np.float32)
    drawn = (means * counted + picture_counts * expected) / np.maximum(counted + picture_counts, 1e-9)
    return centre, np.where(counted > 0, drawn, expected).astype(np.float32), counts


class Covariance:
    """Within-product covariance, shrunk; solves systems in the smaller of the two dimensions."""

    def __init__(self, residuals: Floats) -> None:
        count, size = residuals.shape
        variance = float((residuals.astype(np.float64) ** 2).sum()) / max(count, 1) / size
        self._identity = max(SHRINKAGE * variance, 1e-6)
        self._rest = (1 - SHRINKAGE) / max(count, 1)
        self._residuals: Floats | None = residuals if count < size else None
        gram = residuals @ residuals.T if count < size else residuals.T @ residuals
        gram *= 1.0 if count < size else self._rest
        gram[np.diag_indices(len(gram))] += self._identity / self._rest if count < size else self._identity
        self._factor = cho_factor(gram, overwrite_a=True)

    def __call__(self, columns: Floats) -> Floats:
        """Inverse covariance times columns [size, m]."""
        if self._residuals is None:
            whole: Floats = cho_solve(self._factor, columns)
            return whole
        # Woodbury's identity: with fewer photos than numbers, a system of photos by photos.
        inner = cho_solve(self._factor, self._residuals @ columns)
        result: Floats = (columns - self._residuals.T @ inner) / self._identity
        return result
