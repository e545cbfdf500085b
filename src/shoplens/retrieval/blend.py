"""How much words, meaning and looks count: weights by language, learnt from judgements and kept only when better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

WORDS = "words"  # the signal of the words themselves


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each signal counts for queries of one language; a signal that is not named counts nothing."""

    signals: Mapping[str, float]

    def of(self, signal: str) -> float:
        """Weight of one signal."""
        return float(self.signals.get(signal, 0.0))


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights by language ("en", "zh", "other"); "" holds for languages that are not named."""

    languages: Mapping[str, Weights] = field(default_factory=lambda: DEFAULT)

    def weights(self, language: str) -> Weights:
        """Weights for queries in that language."""
        return self.languages.get(language) or self.languages.get("") or DEFAULT[""]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {language: dict(weights.signals) for language, weights in self.languages.items()}

    @classmethod
    def from_dict(cls, told: Mapping[str, Mapping[str, float]]) -> Self:
        """What `as_dict` gave."""
        return cls({str(language): Weights(dict(signals)) for language, signals in told.items()})


DEFAULT: Mapping[str, Weights] = MappingProxyType(
    {"": Weights({WORDS: 0.5, "meaning": 0.5, "looks": 0.3, "image": 1.0, "audio": 1.0, "video": 1.0})}
)
