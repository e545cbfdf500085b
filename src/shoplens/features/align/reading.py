"""Texts to vectors that can be compared across languages: centred by language, Chinese read through English too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shoplens.encoders.base import TextEncoder, Vectors
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.glosses import Glossary

DIRECT = 0.5  # weight of a Chinese text's own vector beside that of its English meanings
KEPT = 50_000  # vectors that a reader remembers: names and phrases come again and again


class Reader:
    """A text encoder with a catalogue's language means and a Chinese dictionary.

    `glossary` None reads Chinese as the encoder does. Nothing is centred before `means` are known.
    """

    def __init__(
        self, encoder: TextEncoder, *, glossary: Glossary | None = None, means: LanguageMeans | None = None
    ) -> None:
        self.encoder = encoder
        self.glossary = glossary
        self.means = means
        self._known: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}

    def learn_means(self, texts: Sequence[str]) -> LanguageMeans:
        """Estimate the means of the languages on these texts, meanings of Chinese ones among them, and use them."""
        different = list(dict.fromkeys(texts))
        everything = [*different, *(line for text in different for line in self.english(text))]
        self.means = LanguageMeans.estimate(self.raw(everything), languages_of(everything))
        return self.means

    def through(self, glossary: Glossary | None) -> Reader:
        """The same reader with another dictionary; both remember the same vectors."""
        other = Reader(self.encoder, glossary=glossary, means=self.means)
        other._known = self._known
        return other

    def centred_by(self, means: LanguageMeans | None) -> Reader:
        """The same reader with other means; both remember the same vectors."""
        other = Reader(self.encoder, glossary=self.glossary, means=means)
        other._known = self._known
        return other

    def forget(self) -> None:
        """Free the vectors that are remembered."""
        self._known.clear()

    def remembers(self, text: str) -> bool:
        """Whether `read` need not ask the encoder for this text."""
        return text in self._known and all(line in self._known for line in self.english(text))

    def english(self, text: str) -> list[str]:
        """What a Chinese text means, in English; [] for other texts."""
        return [] if self.glossary is None or text.isascii() else self.glossary.english(text)

    def read(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what shoppers type. float32 [len(texts), size], unit length."""
        different = dict.fromkeys(texts)
        if len(different) < len(texts):
            place = {text: row for row, text in enumerate(different)}
            return self.read(list(different))[[place[text] for text in texts]]
        meanings = [self.english(text) for text in texts]
        lines = [line for meaning in meanings for line in meaning]
        vectors = self._centred(texts)
        if not lines:
            return vectors
        said = self._centred(lines)
        start = 0
        for row, meaning in enumerate(meanings):
            if meaning:
                mixed = _unit(said[start : start + len(meaning)].mean(0)) + DIRECT * vectors[row]
                vectors[row] = _unit(mixed)
                start += len(meaning)
        return vectors

    def raw(self, texts: Sequence[str]) -> Vectors:
        """What the encoder says, each different text read once. float32 [len(texts), size]."""
        if not len(texts):
            return np.zeros((0, self.encoder.size), np.float32)
        known = {text: vector for text in texts if (vector := self._known.get(text)) is not None}
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            known.update(zip(fresh, self.encoder.encode_queries(fresh), strict=True))
            if len(self._known) + len(fresh) > KEPT:
                self._known.clear()  # other threads may be reading: what they need they hold
            self._known.update((text, known[text]) for text in fresh)
        return np.stack([known[text] for text in texts])

    def _centred(self, texts: Sequence[str]) -> Vectors:
        vectors = self.raw(texts)
        return vectors if self.means is None else self.means.centre_texts(vectors, texts)


def _unit(vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    length = np.float32(np.linalg.norm(vector))
    return vector / length if length > 1e-6 else vector
