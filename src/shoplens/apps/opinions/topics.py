"""What posts are about: by a model trained on labels, by vectors of the topics' names, or by the words of aspects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from shoplens.apps.opinions.aspects import Aspects
from shoplens.apps.opinions.tone import Classifies
from shoplens.apps.opinions.topic_names import GENERAL, phrasings
from shoplens.apps.opinions.vectors import Vectors

Found = list[tuple[str | None, float]]  # topic and how sure, for each text

SHARPNESS = 12.0  # of the softmax over cosines of centred vectors
NONE_AT = 0.18  # cosine that a topic must beat to be likelier than none of them
GENERAL_BY = 0.1  # cosine by which a post must be nearer to what says nothing in particular to have no topic


class ReadsTopic(Protocol):
    """Tells topics."""

    how: str  # trained, names or words
    names: tuple[str, ...]

    def topics(self, texts: Sequence[str]) -> Found:
        """The likeliest topic of each text and its probability; None where none is likely."""
        ...


class TopicByModel:
    """A classifier that the shop trained on its own labels. `least`: probability below which nothing is said."""

    how = "trained"

    def __init__(self, model: Classifies, *, least: float = 0.4) -> None:
        self._model = model
        self._least = least
        self.names = tuple(model.classes)

    def topics(self, texts: Sequence[str]) -> Found:
        """See `ReadsTopic`."""
        found = self._model.probabilities(texts)
        return [
            (self.names[best] if row[best] >= self._least else None, float(row[best]))
            for row, best in zip(found, found.argmax(axis=1).tolist(), strict=True)
        ]


class TopicByName:
    """Zero-shot: the topic whose name or description has the nearest vector, in either language.

    A bare name lies where names lie, not where posts do; the mean of a few ways to speak of it lies nearer to them.
    """

    how = "names"

    def __init__(self, vectors: Vectors, topics: Mapping[str, Sequence[str]]) -> None:
        self._vectors = vectors
        self.names = tuple(topics)
        phrases = [(place, phrase) for place, name in enumerate(topics) for phrase in (topics[name] or (name,))]
        self._owner = np.array([place for place, _ in phrases])
        said = [phrasings(phrase) for _, phrase in phrases]
        self._general = vectors.centred(GENERAL)
        read = vectors.centred([one for ways in said for one in ways])
        means = np.add.reduceat(read, np.cumsum([0, *map(len, said)])[:-1], axis=0)
        self._phrases = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)

    def topics(self, texts: Sequence[str]) -> Found:
        """See `ReadsTopic`."""
        if not texts:
            return []
        read = self._vectors.centred(texts)
        cosines = read @ self._phrases.T
        best = np.empty((len(texts), len(self.names) + 1), np.float32)  # the last column: none of them
        best[:, -1] = np.maximum((read @ self._general.T).max(axis=1) - GENERAL_BY, NONE_AT)
        for place in range(len(self.names)):
            best[:, place] = cosines[:, self._owner == place].max(axis=1)
        likely = np.exp(SHARPNESS * (best - best.max(axis=1, keepdims=True)))
        likely /= likely.sum(axis=1, keepdims=True)
        return [
            (self.names[top] if top < len(self.names) else None, float(row[top]))
            for row, top in zip(likely, likely.argmax(axis=1).tolist(), strict=True)
        ]


class TopicByWords:
    """The aspect that a text names most; needs nothing."""

    how = "words"

    def __init__(self, aspects: Aspects) -> None:
        self._aspects = aspects
        self.names = aspects.names

    def topics(self, texts: Sequence[str]) -> Found:
        """See `ReadsTopic`."""
        found: Found = []
        for text in texts:
            counts = self._aspects.count(text)
            if not counts:
                found.append((None, 0.0))
                continue
            best = max(counts, key=lambda name: counts[name])
            found.append((best, (counts[best] + 0.5) / (sum(counts.values()) + 1.0)))
        return found
