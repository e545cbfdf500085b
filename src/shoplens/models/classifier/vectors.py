"""A frozen encoder's views of texts: its vectors and what lies beneath, each number scaled to mean 0, deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from shoplens.encoders.base import Encoder, FeatureEncoder
from shoplens.models.classifier.base import CHARACTERS_A_TEXT, Floats, Progress, silent

TEXTS_A_CHUNK = 512  # between two words of progress


@dataclass(frozen=True, slots=True)
class Scaling:
    """Vectors of pretrained networks share a large common part, which hinders a regression."""

    mean: Floats  # [size]
    deviation: Floats  # [size]

    @classmethod
    def fit(cls, vectors: Floats) -> Self:
        """Of vectors [n, size]."""
        return cls(vectors.mean(0), np.maximum(vectors.std(0), 1e-6))

    def scaled(self, vectors: Floats) -> Floats:
        """[n, size]"""
        return np.asarray((vectors - self.mean) / self.deviation, np.float32)


def read_vectors(
    encoder: Encoder, texts: Sequence[str], features: str, progress: Progress = silent
) -> dict[str, Floats]:
    """What an encoder gives of texts, by view: "meaning" [n, size], its vectors, of texts as somebody's words rather
    than products where it tells them apart; with `features` (see `features_of`) "depth" [n, width], too."""
    read: dict[str, list[Floats]] = {}
    for start in range(0, max(len(texts), 1), TEXTS_A_CHUNK):
        progress("reading texts", start, len(texts))
        chunk = [text[:CHARACTERS_A_TEXT] for text in texts[start : start + TEXTS_A_CHUNK]]
        if features and isinstance(encoder, FeatureEncoder):
            given = dict(zip(("meaning", "depth"), encoder.encode_features(chunk), strict=True))
        else:
            reading: Any = getattr(encoder, "encode_queries", encoder.encode)
            given = {"meaning": reading(chunk)}
        for name, values in given.items():
            read.setdefault(name, []).append(values)
    progress("reading texts", len(texts), len(texts))
    return {name: np.concatenate(parts) for name, parts in read.items()}


def features_of(encoder: Encoder | None) -> str:
    """Name of the features that an encoder gives; "" when it gives its vectors only."""
    return encoder.features if isinstance(encoder, FeatureEncoder) else ""
