"""Small made-up logs and models for the tests of learning."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.base import Scores


class GivenScores:
    """Scores a person by the profile row: one row of a matrix each."""

    name = "given"

    def __init__(self, matrix: npt.NDArray[np.float32]) -> None:
        self.matrix = matrix

    def fit(self, data: TrainingData) -> Self:
        return self

    def score(self, histories: Histories) -> Scores:
        return self.matrix[histories.profile]

    def save(self, folder: Path) -> None:
        np.save(folder / "matrix.npy", self.matrix)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(np.load(folder / "matrix.npy"))


class Tally:
    """Popularity, minus what the history holds: depends on training events and on the request."""

    name = "tally"

    def fit(self, data: TrainingData) -> Self:
        log = data.interactions
        self.count = np.bincount(log.item, weights=log.weight, minlength=len(log.items)).astype(np.float32)
        return self

    def score(self, histories: Histories) -> Scores:
        scores = np.tile(self.count, (len(histories), 1))
        person = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        np.add.at(scores, (person, histories.item), -0.25)
        return scores

    def save(self, folder: Path) -> None:
        np.save(folder / "count.npy", self.count)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.count = np.load(folder / "count.npy")
        return model


def random_log(seed: int = 0, *, users: int = 40, items: int = 60, events: int = 1500, days: int = 100) -> Interactions:
    """People who mostly stay in one of three departments."""
    random = np.random.default_rng(seed)
    user = random.integers(users, size=events)
    third = items // 3
    taste = np.where(random.random(events) < 0.8, user % 3, random.integers(3, size=events))
    item = taste * third + (random.random(events) ** 2 * third).astype(int)
    time = np.sort(random.integers(days * MICROSECONDS_PER_DAY, size=events))
    return Interactions(
        Vocabulary(f"u{n}" for n in range(users)),
        Vocabulary(f"p{n}" for n in range(items)),
        user.astype(np.int32),
        item.astype(np.int32),
        random.choice([0.3, 0.7, 1.0, -1.0], size=events, p=[0.4, 0.2, 0.35, 0.05]).astype(np.float32),
        time.astype(np.int64),
    )
