"""Fields of people that are predicted where the shop switched it on, and how often that is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PredictedField:
    """Softmax regression over a person's vector and habits, and its accuracy beside always saying the commonest."""

    name: str
    classes: tuple[str, ...]
    mean: Floats
    scale: Floats
    weight: Floats  # [n_features, n_classes]
    bias: Floats
    accuracy: float  # cross-validated
    accuracy_95: tuple[float, float]
    majority: float  # accuracy of the commonest class
    people: int  # that it was learnt from

    def probabilities(self, features: Floats) -> Floats:
        """[n_people, n_classes]"""
        return np.asarray(softmax((features - self.mean) / self.scale @ self.weight + self.bias, axis=1))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        arrays = {name: getattr(self, name).tolist() for name in ("mean", "scale", "weight", "bias")}
        plain = {name: getattr(self, name) for name in ("name", "accuracy", "majority", "people")}
        return {**plain, **arrays, "classes": list(self.classes), "accuracy_95": list(self.accuracy_95)}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> PredictedField:
        """What `as_dict` gave."""
        read: dict[str, Any] = {name: np.array(kept[name], np.float64) for name in ("mean", "scale", "weight", "bias")}
        read |= {name: kept[name] for name in ("name", "accuracy", "majority", "people")}
        low, high = kept["accuracy_95"]
        return cls(**read, classes=tuple(kept["classes"]), accuracy_95=(low, high))


def field_features(vectors: Floats, habits: npt.NDArray[np.float64]) -> Floats:
    """What fields are predicted from: vectors [n, size] and `habits.features` [n, …]."""
    return np.concatenate([vectors, habits], axis=1)
