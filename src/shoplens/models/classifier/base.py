"""What every classifier of texts does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder
from shoplens.errors import InputError, ModelFileError

FACTS = "classifier.json"
CHARACTERS_A_TEXT = 20_000  # what lies beyond is not read: a class shows in the first pages, or nowhere
AGAIN = "train again: shoplens classify train"

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]  # what is being done, how much is done, how much there is


@runtime_checkable
class TextClassifier(Protocol):
    """Texts in, a probability for each class out."""

    classes: tuple[str, ...]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """float32 [len(texts), len(classes)]; rows add to 1. Calibrated on examples that were not learnt from."""
        ...

    def save(self, folder: Path) -> None:
        """Everything that `load` needs, into an existing, empty folder. No pickles."""
        ...

    @classmethod
    def load(cls, folder: Path, *, encoder: Encoder | None = None) -> Self:
        """What `save` wrote; `encoder` is the one that it was fitted with. ModelFileError when it cannot be used."""
        ...


def read_facts(folder: Path) -> dict[str, Any]:
    """What `classifier.json` says."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{folder}: the classifier cannot be read ({error}); {AGAIN}") from error
    if not isinstance(facts, dict):
        raise ModelFileError(f"{folder / FACTS} is not what a classifier writes; {AGAIN}")
    return facts


def label_rows(texts: Sequence[str], labels: Sequence[str]) -> tuple[tuple[str, ...], Rows]:
    """The classes in order, and the class of each text as a row of them; InputError for what nobody can learn from."""
    if len(texts) != len(labels):
        raise InputError(f"{len(texts)} texts but {len(labels)} labels: one for each is needed")
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        seen = f"all are {classes[0]!r}" if classes else "there are none"
        raise InputError(f"a classifier needs examples of at least two classes; {seen}")
    place = {name: row for row, name in enumerate(classes)}
    return classes, np.array([place[label] for label in labels], np.int64)


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody follows."""
