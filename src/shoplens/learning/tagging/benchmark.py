"""`bench tag`: train on train.txt, choose on what was set aside for it, report on sentences that chose nothing."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError
from shoplens.ingest.tagged import read_tagged
from shoplens.learning.tagging.baseline import tag_known_phrases
from shoplens.learning.tagging.choosing import ChosenTagger, choose_tagger
from shoplens.learning.tagging.judging import JudgedTagger, judge_labels
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.training import Progress
from shoplens.models.text_body.settings import FineTuning

TRAIN, DEV = "train.txt", "dev.txt"


@dataclass(frozen=True, slots=True)
class TagBenchmark:
    """Outcome of one run."""

    folder: Path
    reported: Path
    chosen_on: str
    chosen: ChosenTagger
    judged: JudgedTagger
    baseline: JudgedTagger
    train_seconds: float  # reading, learning and export
    sentences_per_second: float

    def as_dict(self) -> dict[str, Any]:
        """One JSON object."""
        trained, known = self.chosen.trained, self.baseline.as_dict()
        return {
            "task": "tag",
            "data": self.folder.name,
            "split": self.reported.name,
            **self.judged.as_dict(),
            "baseline": {
                "known_phrases": {name: known[name] for name in ("entity_f1", "token_micro_f1")},
                "always_o": {"entity_f1": 0.0, "token_micro_f1": self.judged.always_o},
            },
            "chosen_on": self.chosen_on,
            "validation_entity_f1": self.chosen.validation_f1,
            "epoch": trained.fitted.epoch,
            "precision": self.chosen.precision,
            "int8_loss": round(self.chosen.int8_loss, 4),
            "encoder": trained.body.name,
            "read_as": "characters" if trained.characters else "words",
            "neighbouring_sentences_read": trained.documents,
            "train_sentences": self.chosen.learnt,
            "device": trained.fitted.device,
            "train_seconds": round(self.train_seconds, 1),
            "sentences_per_second": round(self.sentences_per_second, 1),
            "seed": trained.settings.seed,
        }


def run_tag(
    folder: Path,
    test: Path | None,
    settings: FineTuning,
    *,
    body: E5Body | None = None,
    state: Path | None = None,
    progress: Progress | None = None,
) -> TagBenchmark:
    """With `test`, dev.txt chooses; without, dev.txt is reported and a tenth of train.txt chooses.

    InputError when the sentences that are reported are those that are learnt from or chosen on.
    """
    train, dev = folder / TRAIN, folder / DEV
    sentences = read_tagged(train)
    if test is not None and any(test.exists() and one.exists() and test.samefile(one) for one in (train, dev)):
        raise InputError(f"{test} is learnt from or chosen on; leave out --test to report on {DEV}")
    reported = test or dev
    asked = read_tagged(reported)
    valid = read_tagged(dev) if test is not None else None
    began = time.perf_counter()
    chosen = choose_tagger(sentences, valid, settings, body=body, state=state, progress=progress)
    train_seconds = time.perf_counter() - began
    units = [one.units for one in asked]
    with tempfile.TemporaryDirectory(prefix="shoplens-tagger-") as home:
        chosen.save(Path(home))
        tagger = Tagger.load(Path(home))
        began = time.perf_counter()
        told = tagger.tag_units(units)
        speed = len(units) / max(time.perf_counter() - began, 1e-9)
    chosen_on = DEV if test is not None else f"{chosen.judged:,} sentences set aside from {TRAIN}"
    return TagBenchmark(
        folder=folder,
        reported=reported,
        chosen_on=chosen_on,
        chosen=chosen,
        judged=judge_labels(asked, [one.labels for one in told]),
        baseline=judge_labels(asked, tag_known_phrases(sentences, units)),
        train_seconds=train_seconds,
        sentences_per_second=speed,
    )
