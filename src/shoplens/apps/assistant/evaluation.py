"""How good the assistant is: intents, out of scope, groundedness, answers; each beside a baseline.

Retrieval is measured in `retrieval_evaluation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoplens.apps.assistant.composing import groundedness
from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.apps.assistant.intents.examples import OUT_OF_SCOPE, Example
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.intents.templates import best_template, speak
from shoplens.apps.assistant.languages import spoken_in
from shoplens.apps.assistant.turns import Reply
from shoplens.apps.assistant.unrelated import UNRELATED


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and what it would be without any skill."""

    value: float | None
    baseline: float | None
    over: str  # what was counted, in words
    interval: tuple[float, float] | None = None  # 95 % of the value
    gain: tuple[float, float] | None = None  # 95 % of value less baseline, both measured on the same questions

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = {"value": self.value, "baseline": self.baseline, "over": self.over}
        for name, bounds in (("interval", self.interval), ("gain", self.gain)):
            if bounds is not None:
                told[name] = [round(bound, 4) for bound in bounds]
        return told


def intent_figures(model: IntentModel, examples: Sequence[Example], learnt: Sequence[Example]) -> dict[str, Figure]:
    """Accuracy and macro F1 of intents, out of scope at the model's false-alarm rate, and words of answers.

    An intent that the model never learnt is wrong whatever it says; how many there are is told beside the figure.
    `learnt`: what the model learnt from, for the baselines.
    """
    inside = [one for one in examples if one.intent and one.intent not in OUT_OF_SCOPE]
    outside = [one.utterance for one in examples if one.intent in OUT_OF_SCOPE]
    figures: dict[str, Figure] = {}
    if inside:
        guesses = model.guess([one.utterance for one in inside])
        told = [one.intent for one in guesses]
        true = [str(one.intent) for one in inside]
        most = Counter(one.intent for one in learnt).most_common(1)[0][0]
        right = float(np.mean([one == two for one, two in zip(told, true, strict=True)]))
        known = [one in model.intents for one in true]
        over = f"{len(inside):,} utterances, {len(set(true))} intents"
        if strange := len(known) - sum(known):
            over += f"; {strange:,} utterances of {len(set(true) - set(model.intents))} intents that were not learnt"
        figures["intent accuracy"] = Figure(right, sum(one == most for one in true) / len(true), over)
        figures["intent macro f1"] = Figure(_macro_f1(true, told), _macro_f1(true, [str(most)] * len(true)), over)
        alarms = [not one.in_scope for one, learned in zip(guesses, known, strict=True) if learned]
        if alarms:
            figures["false alarms"] = Figure(sum(alarms) / len(alarms), None, f"{len(alarms):,} utterances in scope")
        figures |= _answer_figures(model, inside, told, learnt)
    for name, texts in (("out-of-scope recall", outside), ("out-of-scope recall, unrelated", list(UNRELATED))):
        if texts:
            missed = sum(one.in_scope for one in model.guess(texts))
            over = f"{len(texts)} messages at {model.scope.false_alarms:.0%} false alarms"
            figures[name] = Figure(1 - missed / len(texts), model.scope.false_alarms, over)
    return figures


def reply_figures(replies: Iterable[Reply]) -> dict[str, Figure]:
    """Groundedness: the share of factual sentences that their own sources support; and how turns ended."""
    factual = supported = 0
    outcomes: Counter[str] = Counter()
    for reply in replies:
        many, good = groundedness(reply.sentences, reply.sources)
        factual, supported = factual + many, supported + good
        outcomes[reply.outcome] += 1
    turns = sum(outcomes.values())
    over = f"{factual:,} factual sentences of {turns:,} turns"
    figures = {"groundedness": Figure(supported / factual if factual else None, None, over)}
    for name in ("answered", "asked_back", "unknown", "handed_over"):
        figures[f"turns {name}"] = Figure(outcomes[name] / turns if turns else None, None, f"{turns:,} turns")
    return figures


def _answer_figures(
    model: IntentModel, examples: Sequence[Example], told: Sequence[str], learnt: Sequence[Example]
) -> dict[str, Figure]:
    """F1 of the words of what is answered and of what was answered; the baseline answers the most frequent intent."""
    most = str(Counter(one.intent for one in learnt).most_common(1)[0][0])
    known = [(one, intent) for one, intent in zip(examples, told, strict=True) if one.answer]
    if not known:
        return {}
    mine = [_words_f1(_said(model, intent, one), str(one.answer)) for one, intent in known]
    base = [_words_f1(_said(model, most, one), str(one.answer)) for one, _ in known]
    over = f"{len(known):,} answers of people"
    return {"answer words f1": Figure(float(np.mean(mine)), float(np.mean(base)), over)}


def _said(model: IntentModel, intent: str, example: Example) -> str:
    language = spoken_in(example.utterance, "en")
    template = best_template(model.templates, intent, language, example.slots)
    return "" if template is None else " ".join(one for one, _ in speak(template, example.slots, {}).sentences)


def _words_f1(said: str, wanted: str) -> float:
    own, theirs = words_of(said), words_of(wanted)
    shared = len(own & theirs)
    return 2 * shared / max(len(own) + len(theirs), 1)


def _macro_f1(true: Sequence[str], told: Sequence[str]) -> float:
    scores = []
    for name in sorted(set(true)):
        hit = sum(one == two == name for one, two in zip(true, told, strict=True))
        scores.append(2 * hit / max(true.count(name) + list(told).count(name), 1))
    return float(np.mean(scores))
