"""`bench classify`: everything chosen on the training file, the test file asked once, baselines beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoplens.encoders.base import Encoder
from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError
from shoplens.learning.text_classes.baselines import Baseline, tfidf_lr
from shoplens.learning.text_classes.choosing import Effort, TrainedClassifier, train_classifier
from shoplens.learning.text_classes.examples import TextExamples, read_examples
from shoplens.learning.text_classes.judging import Judged, judge
from shoplens.models.classifier.base import Progress, silent
from shoplens.models.text_body.settings import FineTuning

SHORT = ("accuracy", "macro_f1", "micro_f1", "weighted_f1")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Outcome of one run."""

    train: TextExamples
    test: TextExamples
    trained: TrainedClassifier
    judged: Judged
    baseline: Baseline
    seen: int  # texts of the test file that are in the training file too

    def as_dict(self) -> dict[str, Any]:
        """One JSON object; see `docs/text-models.md`."""
        figures = self.judged.as_dict()
        wanted = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "per_class", "log_loss", "auc", "notes")
        return {
            "task": "classify",
            "data": self.train.name,
            "test": self.test.name,
            **{name: figures[name] for name in wanted},
            "train_seconds": round(self.trained.seconds, 2),
            "texts_per_second": round(self.judged.texts_per_second or 0.0, 1),
            "model": self.trained.chosen,
            "baselines": {
                "tfidf_lr": {
                    **_short(self.baseline.report.as_dict()),
                    "train_seconds": round(self.baseline.train_seconds, 2),
                },
                "majority": {name: figures["baseline"][name] for name in (*SHORT, "majority")},
            },
            "validation": {name: _short(one.as_dict()) for name, one in self.trained.validation.items()},
            "fine_tuning": self.trained.course,
            "choice": list(self.trained.notes),
            "examples": {
                "train": len(self.train),
                "test": len(self.test),
                "refused": self.train.report["refused"] + self.test.report["refused"],
                "test_texts_in_train": self.seen,
            },
            "confused": figures["confused"],
            "errors": figures["errors"],
        }


def run_classify(
    train: Path,
    test: Path,
    *,
    encoder: Encoder | None,
    effort: Effort = "good",
    minutes: float | None = None,
    text: str = "text",
    label: str = "label",
    seed: int = 0,
    progress: Progress | None = None,
    state: Path | None = None,
    body: E5Body | None = None,
    settings: FineTuning | None = None,
) -> Benchmark:
    """Learn from one file and be judged by another, as `train_classifier` does. InputError when both are the same."""
    if train.exists() and test.exists() and train.samefile(test):
        raise InputError(f"{test} is the file that is learnt from; give texts of its own to be judged by")
    tell = progress or silent
    learnt, judged = read_examples(train, text=text, label=label), read_examples(test, text=text, label=label)
    tell("baseline", 0, 1)
    baseline = tfidf_lr(learnt.texts, learnt.labels, judged.texts, judged.labels)
    tell("baseline", 1, 1)
    trained = train_classifier(
        learnt, encoder=encoder, effort=effort, minutes=minutes, seed=seed, progress=tell, state=state, body=body,
        settings=settings,
    )  # fmt: skip
    tell("test", 0, 1)
    outcome = judge(trained.model, judged.texts, judged.labels)
    tell("test", 1, 1)
    known = set(learnt.texts)
    return Benchmark(learnt, judged, trained, outcome, baseline, sum(one in known for one in judged.texts))


def _short(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: figures[name] for name in SHORT if name in figures}
