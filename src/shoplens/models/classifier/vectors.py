"""A frozen encoder's view of texts: its vectors, each number scaled to mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from shoplens.encoders.base import Encoder
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


def read_vectors(encoder: Encoder, texts: Sequence[str], progress: Progress = silent) -> Floats:
    """Vectors of texts as somebody's words rather than products, where the encoder tells them apart. [n, size]"""
    reading: Any = getattr(encoder, "encode_queries", encoder.encode)
    vectors = np.empty((len(texts), encoder.size), np.float32)
    for start in range(0, len(texts), TEXTS_A_CHUNK):
        progress("reading texts", start, len(texts))
        chunk = [text[:CHARACTERS_A_TEXT] for text in texts[start : start + TEXTS_A_CHUNK]]
        vectors[start : start + len(chunk)] = reading(chunk)
    progress("reading texts", len(texts), len(texts))
    return vectors
