"""How good a classifier of texts is: the usual figures, who was taken for whom, and the errors it was surest of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from shoplens.errors import InputError
from shoplens.learning.metrics.classification import ClassificationReport, classification_report
from shoplens.models.classifier.base import Floats, TextClassifier

ERRORS = 20  # that are listed
EXCERPT = 160  # characters of a text in such a list


@dataclass(frozen=True, slots=True)
class ConfidentError:
    """A text that was put into the wrong class."""

    text: str
    truth: str
    said: str
    probability: float  # of what was said


@dataclass(frozen=True, slots=True)
class Judged:
    """Figures on texts that were not learnt from."""

    report: ClassificationReport
    classes: tuple[str, ...]
    confusion: npt.NDArray[np.int64]  # [n_classes, n_classes]: truth by row, said by column
    errors: tuple[ConfidentError, ...]  # the surest first
    texts_per_second: float | None = None

    def confused(self, n: int = 10) -> list[tuple[str, str, int]]:
        """The pairs that are mixed up most: truth, said, how often."""
        off = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-off, axis=None, kind="stable")[:n]
        pairs = zip(*np.unravel_index(order, off.shape), strict=True)
        return [
            (self.classes[row], self.classes[column], int(off[row, column]))
            for row, column in pairs
            if off[row, column]
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the report's figures, and the rest under names of their own."""
        return {
            **self.report.as_dict(),
            "texts_per_second": self.texts_per_second,
            "confused": [{"truth": truth, "said": said, "times": times} for truth, said, times in self.confused()],
            "errors": [
                {"text": one.text, "truth": one.truth, "said": one.said, "probability": one.probability}
                for one in self.errors
            ],
        }


def judge(model: TextClassifier, texts: Sequence[str], labels: Sequence[str]) -> Judged:
    """Ask the classifier about texts whose classes are known, and time it.

    A label that it never learnt is a class it can only miss: it counts as wrong.
    """
    if not texts:
        raise InputError("there is no text to judge by")
    began = time.perf_counter()
    chances = model.probabilities(texts)
    speed = len(texts) / max(time.perf_counter() - began, 1e-9)
    return judged_chances(model.classes, chances, texts, labels, texts_per_second=speed)


def judged_chances(
    known: Sequence[str],
    chances: Floats,
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    texts_per_second: float | None = None,
) -> Judged:
    """The same of probabilities [n, len(known)] that are there already."""
    classes = (*known, *sorted(set(labels) - set(known)))
    whole = np.zeros((len(texts), len(classes)))
    whole[:, : len(known)] = chances
    said = whole.argmax(1)
    place = {name: row for row, name in enumerate(classes)}
    truth = np.array([place[label] for label in labels], np.int64)
    wrong = np.flatnonzero(said != truth)
    sure = whole[np.arange(len(texts)), said]
    listed = wrong[np.argsort(-sure[wrong], kind="stable")][:ERRORS]
    report = classification_report(truth, whole if len(classes) > 2 else whole[:, 1], classes)
    return Judged(
        report=report,
        classes=classes,
        confusion=confusion_matrix(truth, said, labels=np.arange(len(classes))),
        errors=tuple(
            ConfidentError(texts[row][:EXCERPT], classes[truth[row]], classes[said[row]], round(float(sure[row]), 4))
            for row in listed
        ),
        texts_per_second=texts_per_second,
    )
