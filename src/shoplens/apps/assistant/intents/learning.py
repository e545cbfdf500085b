"""Intents, thresholds and templates out of dialogues of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shoplens.apps.assistant.intents.discovery import discover
from shoplens.apps.assistant.intents.examples import OUT_OF_SCOPE, Example, groups_of, hold_out
from shoplens.apps.assistant.intents.model import FitClassifier, IntentModel, Scope
from shoplens.apps.assistant.intents.templates import templates_of
from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.errors import InputError

FALSE_ALARMS = 0.02  # share of messages in scope that may be taken for out of scope
HELD_OUT = 0.15  # of the utterances, by group, tell the threshold and the accuracy
FEW = 1_000  # utterances below which all of them do, in FOLDS
FOLDS = 4
BLOCK = 1_000  # utterances compared with all others at a time
MOST_NEAR = 20_000  # utterances that nearness is measured to
LEAST = 3  # examples of an intent; rarer ones cannot be learnt and are left out, with a note

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model and what is known of it."""

    model: IntentModel
    figures: dict[str, float | int]  # of utterances that were held out: accuracy, baseline, …
    notes: tuple[str, ...]
    named: int  # intents that were discovered


def learn(
    examples: Sequence[Example],
    encoder: TextEncoder,
    fit: FitClassifier,
    *,
    false_alarms: float = FALSE_ALARMS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Learnt:
    """Learn from examples; intents that are not given are discovered. InputError when there are not two intents.

    Thresholds come from utterances that a first model did not see, whole groups of near-duplicates at a time; the model
    that is kept then learns from all.
    """
    tell = progress or (lambda _what, _done, _of: None)
    notes: list[str] = []
    tell("read utterances", 0, 1)
    inside = [one for one in examples if one.intent not in OUT_OF_SCOPE]
    vectors = encoder.encode_queries([one.utterance for one in inside])
    tell("read utterances", 1, 1)
    inside, named = _named(inside, vectors, seed)
    counts = Counter(one.intent for one in inside)
    rare = {name for name, count in counts.items() if name is None or count < LEAST}
    if rare - {None}:
        shown = ", ".join(sorted(str(name) for name in rare if name is not None)[:5])
        notes.append(f"left out, fewer than {LEAST} utterances each: {shown}")
    kept = [place for place, one in enumerate(inside) if one.intent not in rare]
    inside, vectors = [inside[place] for place in kept], vectors[kept]
    if len({one.intent for one in inside}) < 2:
        raise InputError(f"intents need at least two different ones with {LEAST} utterances each; add dialogues")
    tell("find near-duplicates", 0, 1)
    groups = groups_of(inside)
    tell("find near-duplicates", 1, 1)
    means = LanguageMeans.estimate(vectors, languages_of([one.utterance for one in inside]))
    centred = means.centre(vectors, languages_of([one.utterance for one in inside]))
    tell("fit", 0, 2)
    sure, near, figures = _thresholds(inside, centred, groups, fit, false_alarms, seed)
    tell("fit", 1, 2)
    classifier = fit([one.utterance for one in inside], [str(one.intent) for one in inside])
    tell("fit", 2, 2)
    chosen = np.random.default_rng(seed).permutation(len(inside))[:MOST_NEAR]
    scope = Scope(centred[np.sort(chosen)], means, sure, near, false_alarms)
    model = IntentModel(classifier, scope, templates_of(inside), inside, encoder)
    figures |= {"examples": len(inside), "intents": len(classifier.classes), "templates": len(model.templates)}
    return Learnt(model, figures, tuple(notes), named)


def _named(examples: Sequence[Example], vectors: npt.NDArray[np.float32], seed: int) -> tuple[list[Example], int]:
    """With intents where they were missing: those of their cluster."""
    missing = [place for place, one in enumerate(examples) if one.intent is None]
    if not missing:
        return list(examples), 0
    found = discover([examples[place].utterance for place in missing], vectors[missing], seed=seed)
    complete = list(examples)
    for place, name in zip(missing, found, strict=True):
        complete[place] = replace(complete[place], intent=name)
    return complete, len({name for name in found if name is not None})


def _thresholds(
    examples: Sequence[Example],
    centred: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    fit: FitClassifier,
    false_alarms: float,
    seed: int,
) -> tuple[float, float, dict[str, float | int]]:
    """How sure and how near messages in scope are, and how often they are understood."""
    texts, labels = [one.utterance for one in examples], np.array([str(one.intent) for one in examples])
    surest: list[float] = []
    right = usual = 0
    for held in _folds(examples, groups, seed):
        first = fit([texts[place] for place in np.flatnonzero(~held)], labels[~held].tolist())
        chances = first.probabilities([texts[place] for place in np.flatnonzero(held)])
        told = np.array(first.classes)[chances.argmax(1)]
        most = Counter(labels[~held].tolist()).most_common(1)[0][0]
        right += int((told == labels[held]).sum())
        usual += int((labels[held] == most).sum())
        surest += chances.max(1).tolist()
    if not surest:
        return 0.0, -1.0, {}
    figures: dict[str, float | int] = {
        "held_out": len(surest),
        "accuracy": right / len(surest),
        "baseline": usual / len(surest),
    }
    # Two tests, each of which may be wrong half as often: together at most as often as stated.
    sure = float(np.quantile(surest, false_alarms / 2))
    return sure, float(np.quantile(_nearest_others(centred, groups), false_alarms / 2)), figures


def _folds(examples: Sequence[Example], groups: npt.NDArray[np.int64], seed: int) -> Iterator[npt.NDArray[np.bool_]]:
    """What is held out: of few utterances each once, of many one part."""
    if len(examples) >= FEW:
        parts = [hold_out(groups, HELD_OUT, seed)]
    else:
        dealt = np.random.default_rng(seed).permutation(int(groups.max()) + 1) % FOLDS
        parts = [dealt[groups] == fold for fold in range(FOLDS)]
    for part in parts:
        held = _with_every_intent(examples, part)
        if held.any():
            yield held


def _nearest_others(centred: npt.NDArray[np.float32], groups: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Cosine of each utterance with the nearest one that is no near-duplicate of it. [n]"""
    nearest = np.empty(len(centred), np.float32)
    for start in range(0, len(centred), BLOCK):
        cosines = centred[start : start + BLOCK] @ centred.T
        cosines[groups[start : start + BLOCK, None] == groups[None, :]] = -1.0
        nearest[start : start + BLOCK] = cosines.max(1)
    return nearest


def _with_every_intent(examples: Sequence[Example], held: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """No intent is held out altogether: of one that would be, everything is learnt from."""
    left = {one.intent for one, out in zip(examples, held, strict=True) if not out}
    known: npt.NDArray[np.bool_] = np.array([one.intent in left for one in examples], bool)
    return held & known
