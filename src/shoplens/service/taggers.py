"""Taggers of entities of a workspace: trained under a name, opened at the first question, followed when replaced."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoplens.domain.moments import told
from shoplens.domain.tagging import Entity, TaggedSentence
from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError
from shoplens.ingest.report import IngestReport
from shoplens.learning.tagging.choosing import ChosenTagger, choose_tagger, set_aside
from shoplens.learning.tagging.examples import DEV, TRAIN, needed_part, part_of, read_marked
from shoplens.learning.tagging.judging import JudgedTagger, judge_labels
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.training import Progress
from shoplens.models.tagger.units import are_characters
from shoplens.models.text_body.settings import FineTuning
from shoplens.service.learning_device import on_device
from shoplens.service.opened_text_models import OpenedTextModels
from shoplens.service.text_models import TAGGER, SavedTextModel, TextModels, checked_name, fingerprint
from shoplens.service.workspace import Workspace

TRAINING = ".training"  # folder of trainings that are under way


@dataclass(frozen=True, slots=True)
class TaggedTexts:
    """What a tagger found in some texts."""

    model: SavedTextModel
    entities: list[list[Entity]]  # of each text, in the order in which they stand


@dataclass(frozen=True, slots=True)
class TaggerTraining:
    """A tagger that was trained and answers now."""

    saved: SavedTextModel
    chosen: ChosenTagger
    judged: JudgedTagger  # on the validation sentences, which chose the epoch
    rows: Mapping[str, Any]  # accepted, refused, reasons, dropped_fields, fixes, examples


@dataclass(frozen=True, slots=True)
class EvaluatedTagger:
    """What a tagger did on sentences that somebody marked."""

    model: SavedTextModel
    judged: JudgedTagger
    sentences_per_second: float
    learnt_from: bool  # whether these are the very sentences that it was trained on
    rows: Mapping[str, Any]  # as those of a training


class Taggers:
    """All of one workspace. Safe between threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.saved = TextModels.of(workspace.root)
        self._opened = OpenedTextModels(
            self.saved,
            TAGGER,
            lambda saved: Tagger.load(saved.folder),
            learn="shoplens entities train FILE --name NAME",
        )

    def all(self) -> list[SavedTextModel]:
        """The taggers there are, by name."""
        return self.saved.all(TAGGER)

    def train(
        self,
        name: str,
        source: Path,
        settings: FineTuning | None = None,
        *,
        body: E5Body | None = None,
        progress: Progress | None = None,
        refused: Path | None = None,
    ) -> TaggerTraining:
        """Learn from a file of CoNLL columns or JSON lines, or a folder with such as train and dev; answer as `name`.

        Without dev a tenth of the sentences is set aside. A training that was killed goes on when the same is asked
        again. `settings`: None is what the command does, on the device of the workspace's settings. `body`: the encoder
        that is fine-tuned, see `open_body`. Rows of JSON that cannot be used are left out, and `refused` gets a line
        for each; FormatError names a line of CoNLL columns that cannot be read;
        InputError when nothing was learnt that could replace the version that answers.
        """
        checked_name(name)
        settings = settings or on_device(FineTuning(epochs=0), self._workspace.settings)
        account = IngestReport(refused)
        sentences, valid = read_source(source, settings.seed, account)
        data = _data_of(sentences, valid)
        state = self.saved.home / TRAINING / f"{name}-{data[:16]}"
        chosen = choose_tagger(sentences, valid, settings, body=body, state=state, progress=progress)
        if not chosen.validation_f1 and name in self.saved.names():
            raise InputError(
                f"what was learnt finds none of the marked entities; the {name} that answers stays: give it more "
                "minutes, passes or sentences"
            )
        saved = self.saved.save(
            name,
            chosen,
            kind=TAGGER,
            labels=chosen.trained.labels,
            metrics={"validation_entity_f1": chosen.validation_f1},
            data=data,
            details={
                "sentences": len(sentences),
                "file": source.name,
                "seed": settings.seed,
                "precision": chosen.precision,
                "int8_loss": round(chosen.int8_loss, 4),
                "base": chosen.trained.body.name,
                "epoch": chosen.trained.fitted.epoch,
                "train_seconds": round(chosen.trained.fitted.seconds, 1),
                "device": chosen.trained.fitted.device,
            },
        )
        state.unlink(missing_ok=True)
        tagger = Tagger.load(saved.folder)
        told = tagger.tag_units([one.units for one in valid])
        judged = judge_labels(valid, [one.labels for one in told])
        return TaggerTraining(saved, chosen, judged, account.summary())

    def tag(self, texts: Sequence[str], name: str | None = None) -> TaggedTexts:
        """What the tagger of that name finds; without a name, the only one there is. NotFoundError names them."""
        saved, tagger = self._opened.get(name)
        return TaggedTexts(saved, tagger.tag_texts(texts))

    def evaluate(self, file: Path, name: str | None = None, *, refused: Path | None = None) -> EvaluatedTagger:
        """Judge the tagger of that name by a file as `train` reads it; nothing is learnt from it.

        FormatError names a line that cannot be read; InputError when no entity is marked; NotFoundError as for `tag`.
        """
        saved, tagger = self._opened.get(name)
        account = IngestReport(refused)
        sentences = read_marked(file, account, characters=tagger.characters)
        began = time.perf_counter()
        told = tagger.tag_units([one.units for one in sentences])
        speed = len(sentences) / max(time.perf_counter() - began, 1e-9)
        same = saved.data == _data_of(*set_aside(sentences, int(saved.details.get("seed") or 0)))
        judged = judge_labels(sentences, [one.labels for one in told])
        return EvaluatedTagger(saved, judged, speed, same, account.summary())


def read_source(source: Path, seed: int, account: IngestReport) -> tuple[list[TaggedSentence], list[TaggedSentence]]:
    """Sentences to learn from and to choose on, of a folder (train and dev) or of one file."""
    sentences = read_marked(needed_part(source, TRAIN) if source.is_dir() else source, account)
    dev = part_of(source, DEV) if source.is_dir() else None
    if dev is None:
        return set_aside(sentences, seed)
    return sentences, read_marked(dev, account, characters=are_characters([one.units for one in sentences]))


def _data_of(*parts: Sequence[TaggedSentence]) -> str:
    """The fingerprint of what is learnt from and chosen on."""
    return fingerprint([[" ".join((*one.units, *one.labels)) for one in part] for part in parts])


def described(saved: SavedTextModel) -> dict[str, Any]:
    """A tagger as JSON tells of it."""
    return {
        "name": saved.name,
        "version": saved.version,
        "kinds": sorted({label[2:] for label in saved.labels if label[2:]}),
        "validation_entity_f1": saved.metrics.get("validation_entity_f1"),
        "sentences": saved.details.get("sentences"),
        "created": told(saved.created),
    }
