"""What sells: the same ranking for everybody, fresher sales counting more. The row that every table starts with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Scores


def decayed_counts(interactions: Interactions, half_life_days: float | None) -> npt.NDArray[np.float64]:
    """Positive weight of each product, halved every `half_life_days` before the last event. float64 [n_items]."""
    weight = np.maximum(interactions.weight, 0).astype(np.float64)
    if half_life_days is not None and interactions.timed and len(interactions):
        age = (int(interactions.timestamp.max()) - interactions.timestamp) / MICROSECONDS_PER_DAY
        weight *= np.exp2(-age / half_life_days)
    counts: npt.NDArray[np.float64] = np.bincount(interactions.item, weight, len(interactions.items)).astype(np.float64)
    return counts


class Popularity:
    """Time-decayed counts. Without times in the data nothing decays."""

    name = "popularity"
    same_for_all = True  # no history changes the scores

    def __init__(self, *, half_life_days: float | None = 60.0) -> None:
        if half_life_days is not None and half_life_days <= 0:
            raise ConfigurationError("half_life_days must be above 0 days, or null for no decay")
        # Days. Best of 15 to 365 on a year of grocery purchases; the optimum is flat from 30 to 90.
        self.half_life_days = half_life_days
        self._score: npt.NDArray[np.float32] = np.zeros(0, np.float32)  # [n_items]

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        """Products that somebody wanted; of the others this model knows nothing. [n_items]"""
        return self._score > 0

    def fit(self, data: TrainingData) -> Self:
        """Count."""
        self._score = decayed_counts(data.interactions, self.half_life_days).astype(np.float32)
        return self

    def score(self, histories: Histories) -> Scores:
        """The same row for everybody. float32 [len(histories), n_items]."""
        return np.tile(self._score, (len(histories), 1))

    def save(self, folder: Path) -> None:
        """See `Recommender.save`."""
        np.save(folder / "popularity.npy", self._score, allow_pickle=False)
        (folder / "config.json").write_text(json.dumps({"half_life_days": self.half_life_days}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Recommender.load`."""
        try:
            result = cls(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
            result._score = np.load(folder / "popularity.npy", allow_pickle=False)
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(f"{folder}: popularity cannot be read ({error}); train again") from error
        return result
