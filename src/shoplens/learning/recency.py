"""Old events count less: what people wanted last year says less about what they want now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import ConfigurationError


def fade(interactions: Interactions, half_life_days: float | None) -> Interactions:
    """Weights times 0.5^(age / half-life), ages counted back from the last event. None: as they are.

    For what is learnt from only: histories of requests keep their weights, models read the ages of those themselves.
    ConfigurationError when the events have no time.
    """
    if half_life_days is None or not len(interactions):
        return interactions
    if not interactions.timed:
        raise ConfigurationError("half_life_days needs events with times, and these have none; leave it out")
    if not half_life_days > 0:
        raise ConfigurationError(f"half_life_days is {half_life_days}; write a number of days above 0")
    age = (interactions.timestamp.max() - interactions.timestamp) / MICROSECONDS_PER_DAY
    faded = interactions.weight * np.exp2(-age / half_life_days)
    return replace(interactions, weight=faded.astype(np.float32))
