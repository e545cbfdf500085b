"""Groups of people alike, with names that say what they choose: as kept in a bundle, without who is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.models.profile.traits import is_untold
from shoplens.models.profile.wording import told_name

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Segment:
    """One group. `id` stays the same over trainings as long as the group does."""

    id: str
    names: Mapping[str, str]  # language → name
    people: int  # in training
    traits: tuple[tuple[str, str, float], ...]  # field, value, lift: what tells it from others, most telling first
    money: float | None = None  # mean of its people's money a visit, relative to the shop's

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "names": dict(self.names),
            "people": self.people,
            "traits": [list(one) for one in self.traits],
            "money": self.money,
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Segment:
        """What `as_dict` gave, without what is never told: it may have been kept when fewer words were known."""
        every = ((str(field), str(value), float(lift)) for field, value, lift in kept["traits"])
        traits = tuple(one for one in every if not is_untold(one[:2]))
        names = {language: told_name(name, language) for language, name in kept["names"].items()}
        return cls(kept["id"], names, kept["people"], traits, kept["money"])


@dataclass(frozen=True, slots=True)
class Segments:
    """All of them, and where their middles lie among the vectors of people."""

    groups: tuple[Segment, ...]
    centres: Floats  # [n_segments, size]
    shares: Floats  # mean share of each column of the space in each group: matched with the next training's
    longest: float = np.inf  # longer vectors are shortened to it: odd people do not make groups of their own

    def nearest(self, vectors: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """Place of each person's segment, and how clearly: 1 - distance to it / to the next best. [n_people]"""
        if not len(self.groups):
            return np.full(len(vectors), -1), np.zeros(len(vectors))
        near = shortened(vectors, self.longest)
        square = ((near[:, None, :] - self.centres[None]) ** 2).sum(axis=2)
        best = np.argmin(square, axis=1)
        if square.shape[1] == 1:
            return best, np.ones(len(vectors))
        two = np.sqrt(np.partition(square, 1, axis=1)[:, :2])
        return best, 1 - two[:, 0] / np.maximum(two[:, 1], 1e-12)


def shortened(vectors: Floats, longest: float) -> Floats:
    """No longer than that, in the same direction. [n, size]"""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors * np.minimum(1.0, longest / np.maximum(length, 1e-12)))
