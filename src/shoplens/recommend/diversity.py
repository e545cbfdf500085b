"""Less of the same: maximal marginal relevance (Carbonell and Goldstein 1998) over product vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def diversify(
    scores: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32], n: int, dial: float
) -> npt.NDArray[np.int64]:
    """Positions of n candidates, in order. `scores` [c] descending; `vectors` [c, size] unit length or zero.

    `dial` 0 keeps the order of the scores; 1 looks only at being unlike what stands above. Scores are stretched to
    [0, 1] over the candidates, so that the dial means the same for every model.
    """
    count = min(n, len(scores))
    if dial <= 0 or count <= 1:
        return np.arange(count)
    span = float(scores.max() - scores.min())
    relevance = (scores - scores.min()) / span if span > 0 else np.ones_like(scores)
    likeness = vectors @ vectors.T  # [c, c]
    closest = np.zeros(len(scores), np.float32)
    chosen = np.zeros(count, np.int64)
    free = np.ones(len(scores), bool)
    for place in range(count):
        value = (1 - dial) * relevance - dial * closest if place else relevance
        best = int(np.argmax(np.where(free, value, -np.inf)))
        chosen[place] = best
        free[best] = False
        np.maximum(closest, likeness[best], out=closest)
    return chosen
