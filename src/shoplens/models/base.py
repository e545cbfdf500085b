"""What every recommender does: learn once, then score any history, also of people it has never seen."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, TrainingData

Scores = npt.NDArray[np.float32]  # [n_people, n_items]


@runtime_checkable
class Recommender(Protocol):
    """A model that ranks the whole catalogue for a history.

    `score` must depend on the history alone (and the profile row it names), so that an event received a moment ago
    changes the next answer. Masking what a person already has is the caller's business. Several threads may call it at
    the same time.

    A model may also have `score_one(history)`: the same scores of one person, an array [n_items] or worked out on
    demand (`on_demand.OnDemand`), which serving asks instead.
    """

    name: str

    def fit(self, data: TrainingData) -> Self:
        """Learn; returns itself."""
        ...

    def score(self, histories: Histories) -> Scores:
        """Scores of all products for each history, higher is better. float32 [len(histories), n_items], finite."""
        ...

    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an existing, empty folder."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Never unpickles."""
        ...
