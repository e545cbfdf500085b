"""Which history encoder suits the data."""

from __future__ import annotations

import numpy as np

from shoplens.models.fusion.config import GRAPH, FusionConfig
from shoplens.models.fusion.timeline import Timeline

LONG = 200  # events; half of the people having more speaks for pooling, which reads all of them at once


def choose_history(timeline: Timeline, config: FusionConfig) -> str:
    """The encoder that was asked for; for "auto", transformer where order carries meaning, graph where there is none,
    mlp between: long histories of baskets.

    Order carries meaning when there is one and most events come after, not together with, the event before: within a
    basket the order is the till's, and a model of sequences would learn what lies in one basket instead of what is
    bought next.
    """
    if config.history != "auto":
        return config.history
    same = timeline.user[1:] == timeline.user[:-1]
    if not timeline.ordered:
        return GRAPH
    if not same.any() or config.settled("transformer").embedding_size % config.heads:
        return "mlp"
    later = float((timeline.time[1:] > timeline.time[:-1])[same].mean())
    count = np.diff(timeline.indptr)
    return "transformer" if later > 0.5 and np.median(count[count > 0]) <= LONG else "mlp"
