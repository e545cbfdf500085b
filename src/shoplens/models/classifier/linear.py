"""The fast path: up to three views of a text, each with a regression of its own; ready in seconds.

Words are tf-idf terms, meaning is the vector of a frozen encoder, depth is what lies beneath that, where an encoder
gives it (`FeatureEncoder`). Their logits are added up with scales fitted on examples held out, together with the
strength of each regression, so that what comes out are probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shoplens.encoders.base import Encoder
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.models.classifier.base import (
    AGAIN,
    FACTS,
    Floats,
    Progress,
    Rows,
    label_rows,
    read_facts,
    silent,
)
from shoplens.models.classifier.folds import held_out, sampled, sizes_of
from shoplens.models.classifier.regression import Regression
from shoplens.models.classifier.scales import combined, fit_scales, log_loss
from shoplens.models.classifier.terms import MOST_TERMS, MOST_WEIGHTS, TermSpace
from shoplens.models.classifier.vectors import Scaling, features_of, read_vectors

NUMBERS = "numbers.safetensors"
TERMS = "terms.json"
SCALING = {"meaning": "scaling", "depth": "scaling.depth"}  # where the numbers of a view's scaling are kept

MOST_READ = 1_200_000  # bytes of examples for the encoder; more teach a regression on its few numbers hardly anything
LONGEST_READ = 2_000  # bytes of a text, for that sum: what is longer is cut by the encoder

#: Strengths that are tried for each view, weak to strong.
STRENGTHS: Mapping[str, tuple[float, ...]] = {
    "words": (3.0, 12.0, 48.0),
    "meaning": (0.0006, 0.003, 0.015, 0.075),
    "depth": (0.0006, 0.003, 0.015),
}


@dataclass(frozen=True, slots=True)
class View:
    """What is known of some examples from one side."""

    features: Any  # dense or sparse [m, n_features]
    examples: Rows  # [m]: which examples, rising

    def logits(self, rows: Rows, out: npt.NDArray[np.bool_], n_classes: int, strength: float) -> Floats:
        """Of the examples that are held out, by a regression on the others. [out.sum(), n_classes]"""
        aside = out[self.examples]
        learnt = Regression.fit(self.features[~aside], rows[self.examples[~aside]], n_classes, strength)
        return learnt.logits(self.features[aside])


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Examples that were not learnt from, and what was said of them by a model that learnt from the others."""

    examples: Rows  # [n]: which
    rows: Rows  # [n]: their classes
    logits: Mapping[str, Floats]  # of each view, [n, n_classes]
    scales: Mapping[str, float]  # of each view, fitted on these examples

    @property
    def chances(self) -> Floats:
        """Probabilities [n, n_classes]. Nothing but the few scales has seen these examples."""
        return combined(list(self.logits.values()), list(self.scales.values()))

    def part(self, chosen: Rows) -> HeldOut:
        """Some of them, by their place among these."""
        logits = {name: one[chosen] for name, one in self.logits.items()}
        return HeldOut(self.examples[chosen], self.rows[chosen], logits, self.scales)


class LinearClassifier:
    """Terms and vectors, one regression each."""

    kind: ClassVar[str] = "linear"

    def __init__(
        self,
        classes: Sequence[str],
        terms: TermSpace,
        scalings: Mapping[str, Scaling],
        regressions: Mapping[str, Regression],
        scales: Mapping[str, float],
        encoder: Encoder | None,
        strengths: Mapping[str, float],
        features: str,
    ) -> None:
        """Without an `encoder` no `scalings`: words alone speak. `features`: see `vectors.features_of`."""
        self.classes = tuple(classes)
        self.strengths = dict(strengths)
        self.held_out: HeldOut | None = None  # of the latest fit; not saved
        self._terms, self._scalings, self._encoder, self._features = terms, dict(scalings), encoder, features
        self._regressions, self._scales = dict(regressions), dict(scales)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        encoder: Encoder | None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from examples; InputError unless they are of two classes at least. `encoder` None: words alone."""
        tell = progress or silent
        classes, rows = label_rows(texts, labels)
        folds = held_out(texts, rows, seed)
        terms = TermSpace.fit(texts, most_terms=min(MOST_TERMS, MOST_WEIGHTS // len(classes)))
        views = {"words": View(terms.read(texts), np.arange(len(texts)))}
        scalings: dict[str, Scaling] = {}
        if encoder is not None:
            needed = np.logical_or.reduce(folds) if folds else None
            read = sampled(rows, sizes_of(texts, LONGEST_READ), MOST_READ, seed, needed)
            given = read_vectors(encoder, [texts[row] for row in read], features_of(encoder), tell)
            scalings = {name: Scaling.fit(values) for name, values in given.items()}
            views |= {name: View(scalings[name].scaled(values), read) for name, values in given.items()}
        strengths, examples, logits = _tried(views, rows, folds, len(classes), tell)
        scales = dict(zip(views, fit_scales(list(logits.values()), rows[examples]), strict=True))
        regressions = {
            name: Regression.fit(view.features, rows[view.examples], len(classes), strengths[name])
            for name, view in views.items()
        }
        tell("learning", 1, 1)
        model = cls(classes, terms, scalings, regressions, scales, encoder, strengths, features_of(encoder))
        model.held_out = HeldOut(examples, rows[examples], logits, scales)
        return model

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """See `TextClassifier`. A text without a word known or read has about the classes' shares."""
        if not len(texts):
            return np.zeros((0, len(self.classes)), np.float32)
        return combined(list(self.logits(texts).values()), list(self._scales.values()))

    def logits(self, texts: Sequence[str], *, words_only: bool = False) -> dict[str, Floats]:
        """What each view says, before it is scaled and added up; each [len(texts), n_classes]."""
        said = {"words": self._regressions["words"].logits(self._terms.read(texts))}
        if self._encoder is not None and not words_only:
            for name, values in read_vectors(self._encoder, texts, self._features).items():
                said[name] = self._regressions[name].logits(self._scalings[name].scaled(values))
        return said

    def save(self, folder: Path) -> None:
        """See `TextClassifier`."""
        arrays = {"terms.rarity": self._terms.rarity}
        for name, one in self._regressions.items():
            arrays |= {f"{name}.weight": one.weight, f"{name}.bias": one.bias}
        for name, scaling in self._scalings.items():
            arrays |= {f"{SCALING[name]}.mean": scaling.mean, f"{SCALING[name]}.deviation": scaling.deviation}
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, folder / NUMBERS)
        (folder / TERMS).write_text(json.dumps(self._terms.terms, ensure_ascii=False), encoding="utf-8")
        encoder = None if self._encoder is None else f"{self._encoder.name}/{self._encoder.version}"
        facts = {
            "kind": self.kind,
            "classes": self.classes,
            "encoder": encoder,
            "features": self._features,
            "scales": self._scales,
            "strengths": self.strengths,
        }
        (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, encoder: Encoder | None = None) -> Self:
        """See `TextClassifier`. ConfigurationError without the encoder that it reads with."""
        facts = read_facts(folder)
        features = str(facts.get("features", ""))  # before there were any, classifiers read vectors
        reader = _the_same(folder, facts.get("encoder"), encoder, features)
        try:
            arrays: dict[str, Floats] = load_file(folder / NUMBERS)
            terms = TermSpace.of(json.loads((folder / TERMS).read_text(encoding="utf-8")), arrays["terms.rarity"])
            scales = {str(name): float(scale) for name, scale in facts["scales"].items()}
            regressions = {name: Regression(arrays[f"{name}.weight"], arrays[f"{name}.bias"]) for name in scales}
            scalings = {
                name: Scaling(arrays[f"{place}.mean"], arrays[f"{place}.deviation"])
                for name, place in SCALING.items()
                if name in scales and reader is not None
            }
            if {len(one.bias) for one in regressions.values()} != {len(facts["classes"])}:
                raise ValueError("its weights are for another number of classes")
            return cls(facts["classes"], terms, scalings, regressions, scales, reader, facts["strengths"], features)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(f"{folder}: the classifier cannot be used ({error}); {AGAIN}") from error


def _tried(
    views: Mapping[str, View], rows: Rows, folds: Sequence[npt.NDArray[np.bool_]], n_classes: int, tell: Progress
) -> tuple[dict[str, float], Rows, dict[str, Floats]]:
    """Strength of each view, which examples were held out, and what each view says of them.

    The first fold chooses the strength, the others follow it.
    """
    strengths = {name: STRENGTHS[name][1] for name in views}
    said: dict[str, list[Floats]] = {name: [np.zeros((0, n_classes), np.float32)] for name in views}
    steps = sum(len(STRENGTHS[name]) + max(len(folds) - 1, 0) for name in views) + 1
    done = 0
    for number, out in enumerate(folds):
        for name, view in views.items():
            tries: dict[float, Floats] = {}
            for strength in STRENGTHS[name] if number == 0 else (strengths[name],):
                tell("learning", done, steps)
                tries[strength] = view.logits(rows, out, n_classes, strength)
                done += 1
            strengths[name] = min(tries, key=lambda one: _calibrated_loss(tries[one], rows[out]))
            said[name].append(tries[strengths[name]])
    examples = np.concatenate([np.zeros(0, np.int64), *(np.flatnonzero(out) for out in folds)])
    return strengths, examples, {name: np.concatenate(parts) for name, parts in said.items()}


def _calibrated_loss(logits: Floats, rows: Rows) -> float:
    """The log loss that is left when sureness is put right: strength should choose decisions, not sureness."""
    return log_loss(combined([logits], fit_scales([logits], rows)), rows)


def _the_same(folder: Path, wanted: str | None, encoder: Encoder | None, features: str) -> Encoder | None:
    """The encoder, if it is the one that the classifier was fitted with; None when it reads words alone."""
    if wanted is None:
        return None
    if encoder is None:
        raise ConfigurationError(f"{folder} reads texts with {wanted}; open it with that encoder")
    given = f"{encoder.name}/{encoder.version}"
    if given != wanted or (features and features_of(encoder) != features):
        raise ModelFileError(
            f"{folder} was fitted with texts read by {wanted}, not {given} as it is opened here; {AGAIN}"
        )
    return encoder
