"""The best K of a catalogue, without sorting it, and always the same ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def top_items(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int32]:
    """Rows of the k highest scores of each person, best first; equal scores in the order of item rows.

    `scores` is [n_people, n_items], free of NaN; -inf means never. Shape [n_people, min(k, n_items)], -1 where fewer
    than k products are allowed. O(n_items) a person.
    """
    people, n_items = scores.shape
    k = min(k, n_items)
    if not people or not k:
        return np.zeros((people, k), np.int32)
    chosen = np.argpartition(scores, n_items - k, axis=1)[:, n_items - k :]
    if k < n_items:
        # A partition takes any of the products that tie with the k-th; only where some tied product was left out
        # does the choice have to be made again.
        threshold = np.take_along_axis(scores, chosen, axis=1).min(axis=1)
        ambiguous = np.flatnonzero((scores >= threshold[:, None]).sum(axis=1) > k)
        for row in ambiguous:
            above = np.flatnonzero(scores[row] > threshold[row])
            level = np.flatnonzero(scores[row] == threshold[row])
            chosen[row] = np.concatenate([above, level[: k - len(above)]])
    chosen.sort(axis=1)
    best = np.take_along_axis(scores, chosen, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    ranked = np.take_along_axis(chosen, order, axis=1).astype(np.int32)
    ranked[np.take_along_axis(best, order, axis=1) == -np.inf] = -1
    return ranked
