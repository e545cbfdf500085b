"""Vectors of texts, computed once a batch whoever asks for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.apps.opinions.examples_of_tone import EXAMPLES
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of

READ = 300  # characters of a text that vectors are made of: a post says what it is about early


class Vectors:
    """An encoder that remembers the texts of the last few batches. It is an encoder itself: models that are trained on
    vectors are given it, and so topic and tone share one reading."""

    modality = "text"

    def __init__(self, encoder: TextEncoder, *, most: int = 4_096) -> None:
        self.name = encoder.name
        self.version = encoder.version
        self.size = encoder.size
        self._encoder = encoder
        self._most = most
        self._known: dict[str, npt.NDArray[np.float32]] = {}
        self._means: LanguageMeans | None = None

    def encode(self, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Encoder`. float32 [len(inputs), size]"""
        cut = [text[:READ] for text in inputs]
        new = [text for text in dict.fromkeys(cut) if text not in self._known]
        if new:
            if len(self._known) + len(new) > self._most:
                self._known = {text: self._known[text] for text in cut if text in self._known}
            self._known.update(zip(new, self._encoder.encode(new), strict=True))
        return np.array([self._known[text] for text in cut], np.float32).reshape(len(cut), self.size)

    def encode_queries(self, inputs: Sequence[str]) -> npt.NDArray[np.float32]:
        """Posts are read like products: they are texts, not questions."""
        return self.encode(inputs)

    def centred(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors less the mean of sentences of the same language: what is left is what a text is about."""
        if self._means is None:
            sentences = [sentence for sentence, _ in EXAMPLES]
            self._means = LanguageMeans.estimate(self._encoder.encode(sentences), languages_of(sentences))
        return self._means.centre(self.encode(texts), languages_of(texts))
