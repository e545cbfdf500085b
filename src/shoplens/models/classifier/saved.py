"""A classifier that was saved, opened again, whichever kind it is of."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, cast

from shoplens.encoders.base import Encoder
from shoplens.errors import ModelFileError
from shoplens.models.classifier.base import AGAIN, TextClassifier, read_facts

#: By their `kind`; imported when one is opened, since most processes of a shop open none.
KINDS = {"linear": "LinearClassifier", "finetuned": "FinetunedClassifier"}


def load_classifier(folder: Path, *, encoder: Encoder | None = None) -> TextClassifier:
    """What the `save` of a classifier wrote. ModelFileError when a file is missing, damaged or of a kind unknown here.

    `encoder`: the one that it was fitted with, for those that read with one (ConfigurationError without it).
    """
    kind = read_facts(folder).get("kind")
    if kind not in KINDS:
        raise ModelFileError(f"{folder} holds a classifier of kind {kind!r}, which this version does not know; {AGAIN}")
    opens: Any = getattr(import_module(f"{__package__}.{kind}"), KINDS[kind])
    return cast(TextClassifier, opens.load(folder, encoder=encoder))
