"""The assistant measured on a file: by the very code that answers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.apps.assistant import Assistant, Turn
from shoplens.apps.assistant.answering import Answering
from shoplens.apps.assistant.escalation import Rules
from shoplens.apps.assistant.evaluation import Figure, intent_figures, reply_figures
from shoplens.apps.assistant.intents.examples import OUT_OF_SCOPE, Example, groups_of, hold_out
from shoplens.apps.assistant.intents.learning import Progress, learn
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.knowledge.index import Knowledge
from shoplens.apps.assistant.past_answers import ShopFacts
from shoplens.apps.assistant.retrieval_evaluation import retrieval_figures
from shoplens.apps.assistant.tools.base import Tools
from shoplens.apps.assistant.understanding.reading import Understanding
from shoplens.encoders.base import TextEncoder
from shoplens.errors import InputError
from shoplens.ingest.report import IngestReport
from shoplens.service.assistant_knowledge import Documents
from shoplens.service.assistant_learning import linear_fit, open_intents, read_examples
from shoplens.service.assistant_reading import reading_encoder
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

HELD_OUT = 0.2  # of a file, by groups of near-duplicates
WITHHELD = 0.2  # of the intents, that a second model never hears of: what is out of scope and yet near
MOST_TURNS = 500  # whole turns that are played

Figures = dict[str, dict[str, Any]]  # name → value, baseline, over; interval and gain where they are known


def evaluate_assistant(
    workspace: Workspace,
    file: str,
    *,
    split: bool = False,
    seed: int = 0,
    encoder: TextEncoder | None = None,
    progress: Progress | None = None,
) -> Figures:
    """Figures on a file. With `split` a model learns from four fifths of it and is judged on the rest, near-duplicates
    on one side, and a second one is asked about intents that it never heard of; the shop's own model stays as it is.

    InputError when the shop has learnt nothing and `split` is not wanted, or some sources name documents and others do
    not.
    """
    tell = progress or (lambda _what, _done, _of: None)
    reader = encoder if encoder is not None else reading_encoder(workspace)
    with IngestReport() as report:
        examples = read_examples(file, report)
    knowledge = Documents(workspace).open(reader)
    figures: dict[str, Figure] = {}
    if split:
        learnt, judged = _halves(examples, seed)
        model: IntentModel | None = _learned(workspace, reader, learnt, seed, tell)
        figures |= _withheld(workspace, reader, learnt, judged, seed, tell)
    else:
        model, judged = open_intents(workspace, reader), examples
        learnt = list(model.examples) if model is not None else []
        if model is None and knowledge is None:
            raise InputError("the assistant has learnt nothing yet; try --split, or: shoplens assistant learn FILE")
    if model is not None:
        figures = intent_figures(model, judged, learnt) | figures
    figures |= retrieval_figures(knowledge, judged, seed=seed)
    tell("play turns", 0, 1)
    figures |= _played(workspace, model, knowledge, judged[:MOST_TURNS])
    tell("play turns", 1, 1)
    return {name: one.as_dict() for name, one in figures.items()}


def _halves(examples: list[Example], seed: int) -> tuple[list[Example], list[Example]]:
    held = hold_out(groups_of(examples), HELD_OUT, seed)
    order = np.random.default_rng(seed).permutation(len(examples))
    return [examples[k] for k in order if not held[k]], [examples[k] for k in order if held[k]]


def _learned(
    workspace: Workspace, reader: TextEncoder, examples: list[Example], seed: int, tell: Progress
) -> IntentModel:
    alarms = workspace.settings.assistant.false_alarms
    return learn(examples, reader, linear_fit(reader), false_alarms=alarms, seed=seed, progress=tell).model


def _withheld(
    workspace: Workspace, reader: TextEncoder, learnt: list[Example], judged: list[Example], seed: int, tell: Progress
) -> dict[str, Figure]:
    """Out of scope where it is hardest: intents of the same shop that the model never heard of."""
    names = sorted({str(one.intent) for one in learnt if one.intent and one.intent not in OUT_OF_SCOPE})
    if len(names) < 5:
        return {}
    away = set(np.random.default_rng(seed).permutation(names)[: round(WITHHELD * len(names))].tolist())
    model = _learned(workspace, reader, [one for one in learnt if one.intent not in away], seed, tell)
    texts = [one.utterance for one in judged if one.intent in away]
    others = [one.utterance for one in judged if one.intent in model.intents]
    if not texts or not others:
        return {}
    missed = sum(one.in_scope for one in model.guess(texts)) / len(texts)
    alarms = sum(not one.in_scope for one in model.guess(others)) / len(others)
    over = (
        f"{len(texts)} messages of {len(away)} intents that were not learnt, {alarms:.1%} false alarms of {len(others)}"
    )
    return {"out-of-scope recall, withheld intents": Figure(1 - missed, alarms, over)}


def _played(
    workspace: Workspace, model: IntentModel | None, knowledge: Knowledge | None, examples: list[Example]
) -> dict[str, Figure]:
    """Whole turns, each a conversation of its own, without tools, in a store that is gone afterwards."""
    settings: Any = workspace.settings.assistant
    with tempfile.TemporaryDirectory(prefix="shoplens-assistant-") as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'turns.sqlite'}")
        answering = Answering(
            Tools(),
            lambda: model,
            lambda: knowledge,
            ShopFacts(facts=settings.facts),
            tool_seconds=settings.tool_seconds,
        )
        assistant = Assistant(Understanding(lambda: model), answering, store.transcripts, store.handovers, Rules())
        try:
            return reply_figures([assistant.turn(Turn(text=one.utterance)) for one in examples])
        finally:
            assistant.close()
            store.close()
