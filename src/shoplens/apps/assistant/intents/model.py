"""Which intent a message has, how sure that is, and whether it is about anything that was learnt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.apps.assistant.intents.examples import Example
from shoplens.apps.assistant.intents.templates import Template, as_json, from_json
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.errors import ModelFileError
from shoplens.models.classifier import TextClassifier, load_classifier

Floats = npt.NDArray[np.float32]
CLASSIFIER, FACTS, EXAMPLES, NEAR = "classifier", "intents.json", "examples.jsonl", "near.npz"
FORMAT = 1
EITHER = 0.6  # probability of the first two intents together, from which on it is worth asking which is meant


@dataclass(frozen=True, slots=True)
class Guess:
    """What a message most likely wants."""

    intent: str
    confidence: float  # calibrated probability
    second: str | None  # the next likely one, where the two of them are likely enough to be asked back
    in_scope: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """What was learnt from, as vectors, and where out-of-scope begins: unsure, or unlike anything ever said."""

    vectors: Floats  # [n, size], centred, of utterances that were learnt from
    means: LanguageMeans
    sure: float  # probability below which a message is out of scope
    near: float  # cosine with the nearest utterance below which it is, too
    false_alarms: float  # share of messages in scope that are taken for out of scope

    def nearness(self, vectors: Floats, texts: Sequence[str]) -> Floats:
        """Cosine with the nearest utterance that was learnt from, of vectors [m, size]. [m]"""
        centred = self.means.centre(vectors, languages_of(texts))
        return np.asarray((centred @ self.vectors.T).max(1), np.float32)


class IntentModel:
    """See the top of this file. Safe to share between threads."""

    def __init__(
        self,
        classifier: TextClassifier,
        scope: Scope,
        templates: Sequence[Template],
        examples: Sequence[Example],
        encoder: TextEncoder,
    ) -> None:
        self.classifier, self.scope = classifier, scope
        self.templates, self.examples = tuple(templates), tuple(examples)
        self._encoder = encoder

    @property
    def intents(self) -> tuple[str, ...]:
        """All that are known."""
        return self.classifier.classes

    def guess(self, texts: Sequence[str]) -> list[Guess]:
        """For each message."""
        chances = self.classifier.probabilities(texts)
        near = self.scope.nearness(self._encoder.encode_queries(texts), texts)
        guesses = []
        for row, chance in enumerate(chances):
            first, second = np.argsort(-chance)[:2]
            either = float(chance[first] + chance[second])
            guesses.append(
                Guess(
                    self.intents[first],
                    float(chance[first]),
                    self.intents[second] if either >= EITHER else None,
                    bool(chance[first] >= self.scope.sure and near[row] >= self.scope.near),
                )
            )
        return guesses

    def save(self, folder: Path) -> None:
        """Everything that `load` needs, into an existing folder. No pickles."""
        (folder / CLASSIFIER).mkdir()
        self.classifier.save(folder / CLASSIFIER)
        facts = {
            "format": FORMAT,
            "sure": self.scope.sure,
            "near": self.scope.near,
            "false_alarms": self.scope.false_alarms,
            "templates": as_json(self.templates),
        }
        (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
        lines = [
            json.dumps(
                {
                    "utterance": one.utterance,
                    "intent": one.intent,
                    "answer": one.answer,
                    "slots": dict(one.slots),
                    "overheard": one.overheard,
                },
                ensure_ascii=False,
            )
            for one in self.examples
        ]
        (folder / EXAMPLES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        with (folder / NEAR).open("wb") as stream:
            np.savez(stream, vectors=self.scope.vectors, means=self.scope.means.means)

    @classmethod
    def load(cls, folder: Path, encoder: TextEncoder) -> Self:
        """What `save` wrote. ModelFileError when it cannot be used, ConfigurationError with another encoder."""
        classifier = load_classifier(folder / CLASSIFIER, encoder=encoder)
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            if facts["format"] != FORMAT:
                raise ValueError(f"format {facts['format']}")
            with np.load(folder / NEAR, allow_pickle=False) as arrays:
                vectors, means = arrays["vectors"], LanguageMeans(arrays["means"])
            scope = Scope(vectors, means, facts["sure"], facts["near"], facts["false_alarms"])
            examples = examples_in(folder)
            return cls(classifier, scope, from_json(facts["templates"]), examples, encoder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFileError(
                f"{folder}: the intents cannot be used ({error}); learn them again: shoplens assistant learn"
            ) from error


def examples_in(folder: Path) -> list[Example]:
    """What the model in a folder learnt from. OSError, ValueError or KeyError when that cannot be read."""
    return [
        Example(one["utterance"], one["intent"], one["answer"], one["slots"], overheard=one.get("overheard", False))
        for one in map(json.loads, (folder / EXAMPLES).read_text(encoding="utf-8").splitlines())
    ]


#: Fits a classifier: texts, labels → classifier. What `models.classifier.LinearClassifier.fit` does, with its encoder.
FitClassifier = Callable[[Sequence[str], Sequence[str]], TextClassifier]
Figures = Mapping[str, float | int]
