"""Files of dialogues → intents, thresholds and answers of the assistant, a version at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shoplens.apps.assistant.intents.examples import Example, columns_of, example_of
from shoplens.apps.assistant.intents.learning import Learnt, Progress, learn
from shoplens.apps.assistant.intents.model import FitClassifier, IntentModel, examples_in
from shoplens.encoders.base import TextEncoder
from shoplens.errors import FormatError, InputError, NotFoundError
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import shape_of
from shoplens.ingest.source import find_sources
from shoplens.ingest.tables import TableKind, read_objects, read_rows
from shoplens.models.classifier import TextClassifier
from shoplens.models.classifier.linear import LinearClassifier
from shoplens.service.assistant_reading import RememberingEncoder, reading_encoder
from shoplens.service.intake import REPORT_FILE
from shoplens.service.text_models import SavedTextModel, TextModels, fingerprint
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

NAME, KIND = "assistant", "assistant"
SUFFIXES: dict[str, TableKind] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training of the assistant did."""

    saved: SavedTextModel
    learnt: Learnt
    read: dict[str, Any]  # rows accepted and refused
    corrections: int  # taken over from transcripts

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "version": self.saved.version,
            **self.learnt.figures,
            "discovered": self.learnt.named,
            "corrections": self.corrections,
            "rows": self.read["accepted"],
            "refused": self.read["refused"],
            "reasons": self.read["reasons"],
            "notes": list(self.learnt.notes),
            "sure": self.learnt.model.scope.sure,
            "near": self.learnt.model.scope.near,
        }


def read_examples(file: str, report: IngestReport) -> list[Example]:
    """Dialogues of CSV, TSV or JSON lines. FormatError without a column of utterances; bad rows go to the report."""
    examples: list[Example] = []
    for source in find_sources(file, suffixes=set(SUFFIXES)):
        kind = SUFFIXES.get(Path(source.name.removesuffix(".gz")).suffix.lower())
        if kind is None:
            raise FormatError(f"{source.name}: dialogues come as {', '.join(SUFFIXES)}")
        if kind == "jsonl":
            chunks = ((one.objects, one.lines) for one in read_objects(source, report=report))
        else:
            separator = shape_of(source).separator  # also semicolons, as spreadsheets write them
            table = read_rows(source, kind=kind, separator=separator, report=report)
            chunks = ((one.frame.to_dicts(), one.lines) for one in table)
        for rows, lines in chunks:
            names = list(dict.fromkeys(str(name) for row in rows[:100] for name in row))
            columns = columns_of(names)
            if "utterance" not in columns:
                raise FormatError(
                    f"{source.name}: no column says what customers said; call it utterance (or instruction, text …); "
                    f"the file has {', '.join(names[:30])}"
                )
            for row, line in zip(rows, lines, strict=True):
                found = example_of(row, columns)
                if isinstance(found, str):
                    report.refuse(source.name, line, "utterance", found, str(row))
                else:
                    report.accept()
                    examples.append(found)
    return examples


def learn_assistant(
    workspace: Workspace,
    store: Store,
    file: str | None,
    *,
    add: bool = False,
    encoder: TextEncoder | None = None,
    progress: Progress | None = None,
) -> Learned:
    """Learn from a file, with what the shop corrected in transcripts; the new version answers from then on.

    `add` keeps what was learnt before beside the file; without a file the corrections alone are added. What stood in
    transcripts that were forgotten since is learnt no more. InputError when there is nothing to learn from.
    """
    reader = encoder if encoder is not None else reading_encoder(workspace)
    with IngestReport(workspace.root / REPORT_FILE) as report:
        new = read_examples(file, report) if file is not None else []
    before = _before(workspace, reader) if add or file is None else []
    corrections = _corrections(store)
    examples = corrected([*before, *new], corrections)
    if not examples:
        raise InputError("nothing to learn from; name a file of dialogues: shoplens assistant learn FILE")
    learnt = learn(
        examples,
        reader,
        linear_fit(reader),
        false_alarms=workspace.settings.assistant.false_alarms,
        progress=progress,
    )
    columns = [[one.utterance for one in examples], [one.intent or "" for one in examples]]
    saved = TextModels.of(workspace.root).save(
        NAME,
        learnt.model,
        kind=KIND,
        labels=learnt.model.intents,
        metrics=learnt.figures,
        data=fingerprint(columns),
        encoder=f"{reader.name}/{reader.version}",
    )
    _drop_forgotten(TextModels.of(workspace.root), corrections)
    return Learned(saved, learnt, report.summary(), len(corrections))


def corrected(examples: Sequence[Example], corrections: Mapping[str, str]) -> list[Example]:
    """Examples with the intents that the shop gave to their utterances; what was answered and named stays. Corrected
    utterances that no example has are added as overheard."""
    told = [replace(one, intent=corrections.get(one.utterance, one.intent)) for one in examples]
    known = {one.utterance for one in told}
    told += [Example(said, intent, overheard=True) for said, intent in corrections.items() if said not in known]
    return list({(one.utterance, one.intent, one.answer): one for one in told}.values())


def linear_fit(encoder: TextEncoder) -> FitClassifier:
    """The fast classifier, with the vectors of this encoder: they are shared with all else that a turn asks for, and so
    nothing beneath them is read."""
    shared = encoder if isinstance(encoder, RememberingEncoder) else RememberingEncoder(encoder)

    def fit(texts: Sequence[str], labels: Sequence[str]) -> TextClassifier:
        return LinearClassifier.fit(texts, labels, encoder=shared)

    return fit


def open_intents(workspace: Workspace, encoder: TextEncoder) -> IntentModel | None:
    """The version that answers; None before the first. ModelFileError when its files are damaged."""
    try:
        saved = TextModels.of(workspace.root).open(NAME)
    except NotFoundError:
        return None
    return IntentModel.load(saved.folder, encoder)


def _before(workspace: Workspace, encoder: TextEncoder) -> list[Example]:
    """What was learnt from files. What was overheard comes from the transcripts again, as long as they are kept."""
    model = open_intents(workspace, encoder)
    return [] if model is None else [one for one in model.examples if not one.overheard]


def _corrections(store: Store) -> dict[str, str]:
    """What was said → its intent, as corrected last."""
    turns = store.transcripts.corrections()
    return {" ".join(one.said.split()): one.intent for one in turns if one.intent and one.said.strip()}


def _drop_forgotten(models: TextModels, corrections: Mapping[str, str]) -> None:
    """Older versions that hold what somebody said whose transcript is gone are gone with it."""
    for version in models.versions(NAME):
        try:
            examples = examples_in(models.home / NAME / version)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if any(one.overheard and one.utterance not in corrections for one in examples):
            models.discard(NAME, version)
