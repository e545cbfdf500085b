"""Which path a classifier takes: fast or fine-tuned, as examples that neither learnt from say."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from shoplens.encoders.base import Encoder
from shoplens.encoders.e5_torch import E5Body
from shoplens.learning.text_classes.examples import TextExamples
from shoplens.learning.text_classes.judging import Judged, judged_chances
from shoplens.models.classifier import TextClassifier
from shoplens.models.classifier.base import Progress, silent
from shoplens.models.classifier.finetuned import SETTINGS, FinetunedClassifier
from shoplens.models.classifier.linear import HeldOut, LinearClassifier
from shoplens.models.text_body.settings import FineTuning

Effort = Literal["fast", "good"]
ENOUGH = 0.985  # accuracy of the fast path from which on fine-tuning has nothing left to win
FEWEST = 200  # examples; fewer do not tell an encoder's layers anything that a regression does not hear


@dataclass(frozen=True, slots=True)
class TrainedClassifier:
    """What was learnt, and how every path did on the same examples held out from it."""

    model: TextClassifier
    chosen: str  # "fast" or "finetuned"
    validation: Mapping[str, Judged]  # by path; empty when nothing could be held out
    seconds: float
    course: Mapping[str, Any] | None = None  # of fine-tuning: settings, epoch kept, quality after each, seconds
    notes: tuple[str, ...] = field(default=())


def train_classifier(
    examples: TextExamples,
    *,
    encoder: Encoder | None,
    effort: Effort = "good",
    minutes: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    state: Path | None = None,
    settings: FineTuning | None = None,
    body: E5Body | None = None,
) -> TrainedClassifier:
    """Learn from examples; `effort` "good" also fine-tunes, and keeps that if it is right more often.

    `encoder`: reads texts on the fast path (None: words alone). `minutes`: of fine-tuning at most. `state`: a file in
    which a fine-tuning that is killed goes on; the caller removes it. InputError when there are fewer than two classes.
    """
    began = time.perf_counter()
    tell = progress or silent
    texts, labels = examples.texts, examples.labels
    fast = LinearClassifier.fit(texts, labels, encoder=encoder, seed=seed, progress=tell)
    first = _judged(fast, fast.held_out, examples)
    found: dict[str, Judged] = {} if first is None else {"fast": first}
    why_not = "asked for the fast path only" if effort == "fast" else _why_not(examples, first)
    if why_not is not None:
        return TrainedClassifier(
            fast, "fast", found, time.perf_counter() - began, notes=(f"not fine-tuned: {why_not}",)
        )
    chosen = settings or SETTINGS
    tuned = FinetunedClassifier.fit(
        texts, labels, encoder=encoder, seed=seed, progress=tell, fast=fast, body=body, state=state,
        settings=chosen if minutes is None else replace(chosen, minutes=minutes),
    )  # fmt: skip
    before, after = _judged(fast, tuned.fast_held_out, examples), _judged(tuned, tuned.held_out, examples)
    found = {name: one for name, one in (("fast", before), ("finetuned", after)) if one is not None}
    best = max(found, key=lambda name: found[name].report.accuracy)  # of equals, the fast one
    model: TextClassifier = tuned if best == "finetuned" else fast
    return TrainedClassifier(model, best, found, time.perf_counter() - began, tuned.facts)


def _judged(model: TextClassifier, held: HeldOut | None, examples: TextExamples) -> Judged | None:
    if held is None or not len(held.examples):
        return None
    texts = [examples.texts[row] for row in held.examples]
    return judged_chances(model.classes, held.chances, texts, [examples.labels[row] for row in held.examples])


def _why_not(examples: TextExamples, first: Judged | None) -> str | None:
    """Why fine-tuning would be for nothing."""
    if first is None:
        return "nothing could be held out: give each class two different texts at least"
    if len(examples) < FEWEST:
        return f"{len(examples)} examples are too few, {FEWEST} are needed"
    if first.report.accuracy >= ENOUGH:
        return f"the fast path is right {first.report.accuracy:.1%} of the time already"
    return None
