"""Which products people buy again, milk and not frying pans; and which they come for alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shoplens.models.cart.baskets import Baskets

PRIOR = 10.0  # people: a product that few bought is thought of like its kind, a kind that few bought like the shop


def repeat_rates(baskets: Baskets, kind: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Share of the people who bought each product that bought it in a second basket, within [0, 1]. [n_items]"""
    owner = np.repeat(baskets.user, baskets.sizes).astype(np.int64)
    pair, times = np.unique(owner * max(baskets.n_items, 1) + baskets.item, return_counts=True)
    item, again = pair % max(baskets.n_items, 1), (times > 1).astype(np.float64)
    kinds = int(kind.max(initial=0)) + 1
    overall = float(again.mean()) if len(again) else 0.0
    of_kind = _rate(kind[item], again, kinds, np.full(kinds, overall))
    return _rate(item, again, baskets.n_items, of_kind[kind]).astype(np.float32)


def portions(baskets: Baskets) -> npt.NDArray[np.float32]:
    """The share that each product has of a basket with it, in the mean: 1 for what is bought alone. [n_items]"""
    sizes = baskets.sizes
    share = np.repeat(1.0 / np.maximum(sizes, 1), sizes)
    overall = float(share.mean()) if len(share) else 1.0
    return _rate(baskets.item, share, baskets.n_items, np.full(baskets.n_items, overall)).astype(np.float32)


def _rate(
    group: npt.NDArray[np.int64] | npt.NDArray[np.int32],
    again: npt.NDArray[np.float64],
    groups: int,
    expected: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Mean of `again` by group, pulled towards what is expected as if by PRIOR more."""
    count = np.bincount(group, minlength=groups)
    return np.asarray((np.bincount(group, again, groups) + PRIOR * expected) / (count + PRIOR), np.float64)
