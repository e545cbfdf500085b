"""For whom, and for which products, a ranking is good: short and long histories; new, rare and common products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from shoplens.learning.holdout import SEGMENTS, Holdout
from shoplens.learning.metrics.ranking import Hits

#: Part of the products with a training event that is called the head.
HEAD = 0.2
#: Kinds of products. Head and tail together are warm; warm and cold together are everything that was relevant.
PRODUCTS = ("cold", "warm", "head", "tail")


def by_history(
    holdout: Holdout, per_person: Mapping[str, npt.NDArray[np.float64]], metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Means of `metrics` over people with short and long histories, and how many they are ("people").

    Segments without anybody are left out.
    """
    length = holdout.history_length
    result: dict[str, dict[str, float]] = {}
    for name, (low, high) in SEGMENTS.items():
        inside = (length >= low) & (length <= high)
        if inside.any():
            figures = {metric: float(per_person[metric][inside].mean()) for metric in metrics}
            result[name] = {"people": float(inside.sum()), **figures}
    return result


def by_product(holdout: Holdout, top: npt.NDArray[np.int32], hits: Hits) -> dict[str, dict[str, float]]:
    """Recall of each kind of product in the lists `top` [n_people, K], `hits` [n_people, K] saying which are relevant.

    For each of `PRODUCTS`: "relevant", the (person, relevant product) pairs of that kind; "recall", the share of them
    that the lists reach; "shown", the share of all places in the lists that such products take. Kinds without a
    relevant pair are left out. Products outside the catalogue count as cold.
    """
    kinds = _kinds(holdout)
    places = max(int((top >= 0).sum()), 1)
    result: dict[str, dict[str, float]] = {}
    for name in PRODUCTS:
        inside = kinds[name]
        pairs = int(inside[np.minimum(holdout.truth_item, holdout.n_items)].sum())
        if pairs:
            of_kind = (top >= 0) & inside[np.maximum(top, 0)]
            reached, shown = int((hits & of_kind).sum()), int(of_kind.sum())
            result[name] = {"relevant": float(pairs), "recall": reached / pairs, "shown": shown / places}
    return result


def _kinds(holdout: Holdout) -> dict[str, npt.NDArray[np.bool_]]:
    """Kind → products of it, bool [n_items + 1]; the last entry stands for what is outside the catalogue."""
    events = np.append(holdout.item_events, 0)
    warm = events > 0
    order = np.lexsort((np.arange(len(events)), -events))  # ties: the lower row first
    head = np.zeros(len(events), np.bool_)
    head[order[: int(np.ceil(HEAD * warm.sum()))]] = True
    return {"cold": ~warm, "warm": warm, "head": head, "tail": warm & ~head}
