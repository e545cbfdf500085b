"""What many lists do to the catalogue: how much of it is shown, how evenly, how new, how alike within a list.

All take `top`, int [n_people, K]: product rows, best first, -1 where a list is shorter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TopItems = npt.NDArray[np.int32]  # [n_people, K]


def coverage(top: TopItems, n_items: int) -> float:
    """Share of the catalogue that appears in anybody's list."""
    return float((exposure(top, n_items) > 0).mean()) if n_items else 0.0


def gini(top: TopItems, n_items: int) -> float:
    """Inequality of exposure: 0 when every product is shown equally often, near 1 when one takes everything."""
    shown = np.sort(exposure(top, n_items)).astype(np.float64)
    total = shown.sum()
    if not total:
        return 0.0
    rank = np.arange(1, n_items + 1)
    return float(((2 * rank - n_items - 1) * shown).sum() / (n_items * total))


def novelty(top: TopItems, item_events: npt.NDArray[np.int64]) -> float:
    """Mean self-information of what is shown, in bits: -log2 of a product's share of all events (one event added each,
    so that new products have a finite value).

    Zhou et al., Solving the apparent diversity-accuracy dilemma of recommender systems, 2010.
    """
    share = (item_events + 1) / (item_events.sum() + len(item_events))
    shown = top[top >= 0]
    return float(-np.log2(share[shown]).mean()) if len(shown) else 0.0


def diversity(
    top: TopItems, vectors: npt.NDArray[np.float32], present: npt.NDArray[np.bool_], batch: int = 1024
) -> npt.NDArray[np.float64]:
    """Mean cosine distance between the pairs of products of each list, over products that have a vector.

    `vectors` is [n_items, size]; NaN for a list with fewer than two such products. Shape [n_people].
    """
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = present & (norm[:, 0] > 0)
    result = np.full(len(top), np.nan)
    for start in range(0, len(top), batch):
        part = top[start : start + batch]
        valid = (part >= 0) & usable[np.maximum(part, 0)]
        rows = np.where(valid, part, 0)
        unit = vectors[rows] / np.where(norm[rows] > 0, norm[rows], 1.0) * valid[..., None]  # [batch, K, size]
        count = valid.sum(axis=1)
        # Sum over ordered pairs of distinct products = |sum of unit vectors|² - number of vectors.
        similarity = (unit.sum(axis=1) ** 2).sum(axis=1) - count
        pairs = count * (count - 1)
        result[start : start + batch] = np.where(pairs > 0, 1.0 - similarity / np.maximum(pairs, 1), np.nan)
    return result


def exposure(top: TopItems, n_items: int) -> npt.NDArray[np.int64]:
    """How many lists show each product. Shape [n_items]."""
    return np.bincount(top[top >= 0], minlength=n_items)
