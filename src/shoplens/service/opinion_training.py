"""From labelled texts to the model that reads tone or topic from now on."""

from __future__ import annotations

from typing import Literal

from shoplens.apps.opinions.tone import tone_columns
from shoplens.errors import InputError
from shoplens.learning.text_classes.choosing import Effort, TrainedClassifier
from shoplens.learning.text_classes.examples import TextExamples
from shoplens.models.classifier.base import Progress
from shoplens.models.text_body.settings import FineTuning
from shoplens.service.classifiers import Classifiers
from shoplens.service.opinion_readers import TONE_MODEL, TOPIC_MODEL, vectors_of
from shoplens.service.text_models import SavedTextModel
from shoplens.service.workspace import Workspace

What = Literal["tone", "topic"]
LEAST = 20  # examples


def train_reader(
    workspace: Workspace,
    what: What,
    examples: TextExamples,
    *,
    effort: Effort = "fast",
    minutes: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    settings: FineTuning | None = None,
) -> tuple[SavedTextModel, TrainedClassifier]:
    """Learn from examples and let the model read from the next post on; see `Classifiers.train`.

    The vectors of posts are what the fast path reads, so that tone and topic share one reading. InputError for too few
    examples, ConfigurationError for a tone that is none.
    """
    if len(examples) < LEAST:
        raise InputError(
            f"{len(examples)} labelled texts are too few to learn from; {LEAST} are needed, hundreds are good"
        )
    if what == "tone":
        tone_columns(sorted(set(examples.labels)))
    vectors = vectors_of(workspace)
    return Classifiers(workspace).train(
        TONE_MODEL if what == "tone" else TOPIC_MODEL,
        examples,
        reader=vectors,
        words_only=vectors is None,
        effort=effort,
        minutes=minutes,
        seed=seed,
        progress=progress,
        settings=settings,
    )
