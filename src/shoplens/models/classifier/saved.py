"""A classifier that was saved, opened again, whichever kind it is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from shoplens.encoders.base import Encoder
from shoplens.errors import ModelFileError
from shoplens.models.classifier.base import AGAIN, TextClassifier, read_facts
from shoplens.models.classifier.finetuned import FinetunedClassifier
from shoplens.models.classifier.linear import LinearClassifier

KINDS: dict[str, Any] = {one.kind: one for one in (LinearClassifier, FinetunedClassifier)}


def load_classifier(folder: Path, *, encoder: Encoder | None = None) -> TextClassifier:
    """What the `save` of a classifier wrote. ModelFileError when a file is missing, damaged or of a kind unknown here.

    `encoder`: the one that it was fitted with, for those that read with one (ConfigurationError without it).
    """
    kind = read_facts(folder).get("kind")
    if kind not in KINDS:
        raise ModelFileError(f"{folder} holds a classifier of kind {kind!r}, which this version does not know; {AGAIN}")
    return cast(TextClassifier, KINDS[kind].load(folder, encoder=encoder))
