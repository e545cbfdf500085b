"""`bench tag`: train on train.txt, choose on what was set aside for it, report on sentences that chose nothing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoplens.encoders.e5_torch import E5Body
from shoplens.errors import InputError
from shoplens.ingest.report import IngestReport
from shoplens.learning.tagging.baseline import tag_known_phrases
from shoplens.learning.tagging.choosing import ChosenTagger, choose_tagger
from shoplens.learning.tagging.examples import DEV, TRAIN, needed_part, part_of, read_marked
from shoplens.learning.tagging.judging import JudgedTagger, judge_labels
from shoplens.models.tagger.model import Tagger
from shoplens.models.tagger.training import Progress
from shoplens.models.tagger.units import are_characters
from shoplens.models.text_body.settings import FineTuning


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
    rows: Mapping[str, Any]  # accepted, refused, reasons, dropped_fields, fixes, examples

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
            "rows": self.rows,
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
    """With `test`, dev chooses; without, dev is reported and a tenth of train chooses.

    Files are as `read_marked` reads them. InputError when the sentences that are reported are those that are learnt
    from or chosen on.
    """
    train, dev = needed_part(folder, TRAIN), part_of(folder, DEV)
    account = IngestReport()
    sentences = read_marked(train, account)
    if test is not None and any(one and test.exists() and test.samefile(one) for one in (train, dev)):
        raise InputError(f"{test} is learnt from or chosen on; leave out --test to report on {DEV}")
    reported = test or needed_part(folder, DEV)
    characters = are_characters([one.units for one in sentences])
    asked = read_marked(reported, account, characters=characters)
    valid = read_marked(dev, account, characters=characters) if test is not None and dev is not None else None
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
    aside = f"{chosen.judged:,} sentences set aside from {train.name}"
    return TagBenchmark(
        folder=folder,
        reported=reported,
        chosen_on=dev.name if valid is not None and dev is not None else aside,
        chosen=chosen,
        judged=judge_labels(asked, [one.labels for one in told]),
        baseline=judge_labels(asked, tag_known_phrases(sentences, units)),
        train_seconds=train_seconds,
        sentences_per_second=speed,
        rows=account.summary(),
    )
