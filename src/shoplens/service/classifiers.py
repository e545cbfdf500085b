"""Classifiers of texts of a workspace: trained under a name, opened at the first question, followed when replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoplens.encoders.base import Encoder
from shoplens.learning.text_classes.choosing import Effort, TrainedClassifier, train_classifier
from shoplens.learning.text_classes.examples import TextExamples
from shoplens.learning.text_classes.judging import Judged, judge
from shoplens.models.classifier import TextClassifier, load_classifier
from shoplens.models.classifier.base import Floats, Progress
from shoplens.models.classifier.crossing import forget_states
from shoplens.models.classifier.finetuned import SETTINGS
from shoplens.models.text_body.settings import FineTuning
from shoplens.service.encoders import OFF, encoder_of, setting_of
from shoplens.service.learning_device import on_device
from shoplens.service.opened_text_models import OpenedTextModels
from shoplens.service.text_models import CLASSIFIER, SavedTextModel, TextModels, checked_name, fingerprint
from shoplens.service.workspace import Workspace

TRAINING = ".training"  # folder of fine-tunings that are under way


@dataclass(frozen=True, slots=True)
class Classified:
    """What a classifier said of some texts."""

    model: SavedTextModel
    classes: tuple[str, ...]
    chances: Floats  # [n_texts, n_classes]

    def ranked(self, row: int, n: int | None = None) -> list[tuple[str, float]]:
        """Classes of one text, the likeliest first, with their probabilities."""
        order = (-self.chances[row]).argsort(kind="stable")[:n]
        return [(self.classes[place], float(self.chances[row, place])) for place in order]


@dataclass(frozen=True, slots=True)
class EvaluatedClassifier:
    """What a classifier did on texts whose classes are known."""

    model: SavedTextModel
    judged: Judged
    learnt_from: bool  # whether these are the very examples that it was trained on


class Classifiers:
    """All of one workspace. Safe between threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.saved = TextModels.of(workspace.root)
        self._opened = OpenedTextModels(
            self.saved, CLASSIFIER, self._load, learn="shoplens classify train FILE --name NAME"
        )
        self._encoder: Encoder | None = None

    def all(self) -> list[SavedTextModel]:
        """The classifiers there are, by name."""
        return self.saved.all(CLASSIFIER)

    def train(
        self,
        name: str,
        examples: TextExamples,
        *,
        effort: Effort = "good",
        minutes: float | None = None,
        words_only: bool = False,
        reader: Encoder | None = None,
        seed: int = 0,
        progress: Progress | None = None,
        settings: FineTuning | None = None,
        **learning: Any,
    ) -> tuple[SavedTextModel, TrainedClassifier]:
        """Learn and let it answer under `name`. A training that was killed goes on when the same is asked again.

        `reader`: what makes vectors of texts, in place of the workspace's own encoder. `settings`: of fine-tuning;
        None: those of `FinetunedClassifier`, on the device of the workspace's settings.
        """
        checked_name(name)
        data = fingerprint([examples.texts, examples.labels])
        state = self.saved.home / TRAINING / f"{name}-{data[:16]}"
        encoder = None if words_only else reader or self._reader()
        trained = train_classifier(
            examples,
            encoder=encoder,
            effort=effort,
            minutes=minutes,
            seed=seed,
            progress=progress,
            state=state,
            settings=settings or on_device(SETTINGS, self._workspace.settings, effort=effort),
            **learning,
        )
        saved = self.saved.save(
            name,
            trained.model,
            kind=CLASSIFIER,
            labels=trained.model.classes,
            metrics=_metrics(trained),
            data=data,
            encoder=None if encoder is None else f"{encoder.name}/{encoder.version}",
            details={
                "path": trained.chosen,
                "examples": len(examples),
                "file": Path(examples.name).name,
                "seed": seed,
                "train_seconds": round(trained.seconds, 1),
                "notes": list(trained.notes),
            },
        )
        forget_states(state)
        return saved, trained

    def classify(self, texts: Sequence[str], name: str | None = None) -> Classified:
        """What the classifier of that name says; without a name, the only one there is. NotFoundError names them."""
        saved, model = self._opened.get(name)
        return Classified(saved, model.classes, model.probabilities(texts))

    def evaluate(self, examples: TextExamples, name: str | None = None) -> EvaluatedClassifier:
        """Judge the classifier of that name by examples; nothing is learnt from them.

        A class that it never learnt is one it can only miss. NotFoundError as for `classify`.
        """
        saved, model = self._opened.get(name)
        same = saved.data == fingerprint([examples.texts, examples.labels])
        return EvaluatedClassifier(saved, judge(model, examples.texts, examples.labels), same)

    def _load(self, saved: SavedTextModel) -> TextClassifier:
        return load_classifier(saved.folder, encoder=None if saved.encoder is None else self._reader())

    def _reader(self) -> Encoder | None:
        """The workspace's own encoder of texts; None when it is switched off, and words alone must do."""
        if setting_of(self._workspace, "text") == OFF:
            return None
        if self._encoder is None:
            self._encoder = encoder_of(self._workspace, "text")
        return self._encoder


def _metrics(trained: TrainedClassifier) -> dict[str, Any]:
    """Short figures of each path on what was held out."""
    wanted = ("n", "accuracy", "macro_f1", "micro_f1", "log_loss", "baseline")
    return {
        name: {key: value for key, value in one.report.as_dict().items() if key in wanted}
        for name, one in trained.validation.items()
    }
