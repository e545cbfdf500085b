"""From labelled texts to the model that reads tone or topic from now on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from shoplens.apps.opinions.tone import tone_columns
from shoplens.apps.opinions.vectors import Vectors
from shoplens.encoders.base import Encoder
from shoplens.errors import InputError
from shoplens.models.classifier.linear import LinearClassifier
from shoplens.service.opinion_readers import TONE_MODEL, TOPIC_MODEL, vectors_of
from shoplens.service.text_models import SavedTextModel, TextModels, fingerprint
from shoplens.service.workspace import Workspace

What = Literal["tone", "topic"]
Progress = Callable[[str, int, int], None]
LEAST = 20  # examples


def train_reader(
    workspace: Workspace,
    what: What,
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    vectors: Vectors | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> SavedTextModel:
    """Learn from examples and let the model read from the next post on. InputError for too few examples,
    ConfigurationError for a tone that is none."""
    if len(texts) < LEAST:
        raise InputError(
            f"{len(texts)} labelled texts are too few to learn from; {LEAST} are needed, hundreds are good"
        )
    if what == "tone":
        tone_columns(sorted(set(labels)))
    reader = vectors if vectors is not None else vectors_of(workspace)
    model = LinearClassifier.fit(texts, labels, encoder=cast(Encoder | None, reader), seed=seed, progress=progress)
    return TextModels.of(workspace.root).save(
        TONE_MODEL if what == "tone" else TOPIC_MODEL,
        model,
        kind="classifier",
        labels=model.classes,
        metrics=_figures(model),
        data=fingerprint([texts, labels]),
        encoder=f"{reader.name}/{reader.version}" if reader is not None else None,
        details={"reads": what, "examples": len(texts)},
    )


def _figures(model: LinearClassifier) -> dict[str, Any]:
    """How it did on the examples that it did not learn from."""
    held = model.held_out
    if held is None:
        return {}
    right = held.chances.argmax(axis=1) == held.rows
    return {"held_out": len(held.rows), "held_out_accuracy": round(float(right.mean()), 4)}
