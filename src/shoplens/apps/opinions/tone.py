"""The tone of texts: by a model that the shop trained, by vectors and example sentences, or by words alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from shoplens.apps.opinions import lexicon
from shoplens.apps.opinions.examples_of_tone import EXAMPLES
from shoplens.apps.opinions.vectors import Vectors
from shoplens.domain.opinions import Tone
from shoplens.errors import ConfigurationError

TONES = (Tone.POSITIVE, Tone.NEUTRAL, Tone.NEGATIVE)  # order of the columns
Probabilities = npt.NDArray[np.float32]  # [n_texts, n_classes]

VECTOR_WEIGHT, WORD_WEIGHT = 3.0, 0.15  # of the two kinds of features, where examples are all that is learnt from
OTHER_NAMES = {"pos": "positive", "1": "positive", "neg": "negative", "0": "negative", "neu": "neutral"}


class Classifies(Protocol):
    """What a trained model of texts does; see `shoplens.models.classifier`."""

    classes: tuple[str, ...]

    def probabilities(self, texts: Sequence[str]) -> Probabilities:
        """Calibrated, rows add to 1."""
        ...


class ReadsTone(Protocol):
    """Tells tones."""

    how: str  # trained, examples or words: people are told how far to believe it

    def tones(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities of `TONES`. float32 [len(texts), 3]"""
        ...


class ToneByWords:
    """Words that judge; needs nothing."""

    how = "words"

    def tones(self, texts: Sequence[str]) -> Probabilities:
        """See `ReadsTone`."""
        return lexicon.tones(texts)


class ToneByExamples:
    """Multinomial logistic regression on the vectors of `EXAMPLES` and their judging words, fitted when it opens."""

    how = "examples"

    def __init__(self, vectors: Vectors) -> None:
        from sklearn.linear_model import LogisticRegression

        self._vectors = vectors
        sentences = [sentence for sentence, _ in EXAMPLES]
        self._model = LogisticRegression(C=1.0, max_iter=2_000)
        self._model.fit(self._features(sentences), [TONES.index(tone) for _, tone in EXAMPLES])

    def tones(self, texts: Sequence[str]) -> Probabilities:
        """See `ReadsTone`."""
        if not texts:
            return np.zeros((0, 3), np.float32)
        likely: Probabilities = self._model.predict_proba(self._features(texts)).astype(np.float32)
        return likely

    def _features(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        words = np.array([lexicon.features(text) for text in texts], np.float32)
        return np.hstack([VECTOR_WEIGHT * self._vectors.centred(texts), WORD_WEIGHT * words])


class ToneByModel:
    """A classifier that the shop trained on its own labels."""

    how = "trained"

    def __init__(self, model: Classifies) -> None:
        self._model = model
        self._columns = tone_columns(model.classes)

    def tones(self, texts: Sequence[str]) -> Probabilities:
        """See `ReadsTone`. A tone that the labels do not know has probability 0."""
        found = self._model.probabilities(texts)
        result = np.zeros((len(texts), 3), np.float32)
        for column, tone in self._columns.items():
            result[:, TONES.index(tone)] += found[:, column]
        return result


def tone_columns(classes: Sequence[str]) -> Mapping[int, Tone]:
    """Which class is which tone. ConfigurationError names a class that is none."""
    columns = {}
    for column, name in enumerate(classes):
        folded = name.strip().casefold()
        told = OTHER_NAMES.get(folded, folded)
        if told not in tuple(Tone):
            raise ConfigurationError(
                f"the label {name!r} is no tone; labels are positive, neutral and negative (or pos, neu, neg, 1, 0)"
            )
        columns[column] = Tone(told)
    return columns
