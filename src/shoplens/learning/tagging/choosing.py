"""Trains a tagger and settles what validation sentences can say: the epoch, and whether int8 is as good as fp32."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shoplens.domain.tagging import TaggedSentence
from shoplens.encoders.e5_torch import E5Body
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.training import Progress, TrainedTagger, entity_f1, train_tagger
from shoplens.models.tagger.units import are_characters
from shoplens.models.text_body.settings import FineTuning

HELD = 0.1  # share of the sentences that are set aside when there is no validation file
RUN = 200  # sentences that follow one another and are set aside together: neighbours of one document are no strangers
TOLERANCE = 0.005  # of F1 that int8 may lose


@dataclass(frozen=True, slots=True)
class ChosenTagger:
    """A tagger with what was chosen; `save` writes it as it will serve."""

    trained: TrainedTagger
    precision: str  # int8, or fp32 when int8 lost more than the tolerance
    validation_f1: float  # of whole entities, as it serves
    learnt: int  # sentences
    judged: int
    int8_loss: float = 0.0  # of F1 on validation, against fp32

    def save(self, folder: Path) -> None:
        """Into an existing, empty folder."""
        self.trained.save(folder, precision=self.precision)


def set_aside(sentences: Sequence[TaggedSentence], seed: int = 0) -> tuple[list[TaggedSentence], list[TaggedSentence]]:
    """Sentences to learn from and to validate on, a tenth, in their order; runs of them stay together."""
    run = 1 if are_characters([one.units for one in sentences]) else min(RUN, max(1, len(sentences) // 20))
    runs = -(-len(sentences) // run)
    held = np.zeros(runs, np.bool_)
    held[np.random.default_rng(seed).choice(runs, max(1, round(HELD * runs)), replace=False)] = True
    parts: tuple[list[TaggedSentence], list[TaggedSentence]] = ([], [])
    for place, one in enumerate(sentences):
        parts[int(held[place // run])].append(one)
    return parts


def choose_tagger(
    sentences: Sequence[TaggedSentence],
    valid: Sequence[TaggedSentence] | None,
    settings: FineTuning,
    *,
    body: E5Body | None = None,
    state: Path | None = None,
    progress: Progress | None = None,
) -> ChosenTagger:
    """Learn from `sentences`; without `valid` a tenth of them is set aside for choosing."""
    learnt, judged = (list(sentences), list(valid)) if valid else set_aside(sentences, settings.seed)
    trained = train_tagger(learnt, judged, settings, body=body, state=state, progress=progress)
    best = max(trained.fitted.qualities)
    with tempfile.TemporaryDirectory(prefix="shoplens-tagger-") as folder:
        trained.save(Path(folder), precision="int8")
        served = served_f1(Tagger.load(Path(folder)), judged)
    lost = best - served
    if lost <= TOLERANCE:
        return ChosenTagger(trained, "int8", served, len(learnt), len(judged), lost)
    return ChosenTagger(trained, "fp32", best, len(learnt), len(judged), lost)


def served_f1(tagger: Tagger, sentences: Sequence[TaggedSentence]) -> float:
    """F1 of whole entities of a tagger as it serves."""
    told = tagger.tag_units([one.units for one in sentences])
    return entity_f1(sentences, [label for one in told for label in one.labels])
