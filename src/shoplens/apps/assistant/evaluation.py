"""How good the assistant is: intents, out of scope, retrieval, groundedness, answers; each beside a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.apps.assistant.composing import groundedness
from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.apps.assistant.intents.examples import OUT_OF_SCOPE, Example
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.intents.templates import best_template, speak
from shoplens.apps.assistant.knowledge.index import Hit, Knowledge
from shoplens.apps.assistant.languages import spoken_in
from shoplens.apps.assistant.turns import Reply
from shoplens.apps.assistant.unrelated import UNRELATED

DEPTHS = (1, 3, 5)  # places of retrieval that are looked at


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and what it would be without any skill."""

    value: float | None
    baseline: float | None
    over: str  # what was counted, in words

    def as_dict(self) -> dict[str, float | str | None]:
        """For JSON."""
        return {"value": self.value, "baseline": self.baseline, "over": self.over}


def intent_figures(model: IntentModel, examples: Sequence[Example], learnt: Sequence[Example]) -> dict[str, Figure]:
    """Accuracy and macro F1 of intents, out of scope at the model's false-alarm rate, and words of answers.

    `learnt`: what the model learnt from, for the baselines.
    """
    inside = [one for one in examples if one.intent in model.intents]
    outside = [one.utterance for one in examples if one.intent in OUT_OF_SCOPE]
    figures: dict[str, Figure] = {}
    if inside:
        guesses = model.guess([one.utterance for one in inside])
        told = [one.intent for one in guesses]
        true = [str(one.intent) for one in inside]
        most = Counter(one.intent for one in learnt).most_common(1)[0][0]
        right = float(np.mean([one == two for one, two in zip(told, true, strict=True)]))
        over = f"{len(inside):,} utterances, {len(set(true))} intents"
        figures["intent accuracy"] = Figure(right, sum(one == most for one in true) / len(true), over)
        figures["intent macro f1"] = Figure(_macro_f1(true, told), _macro_f1(true, [str(most)] * len(true)), over)
        figures["false alarms"] = Figure(sum(not one.in_scope for one in guesses) / len(guesses), None, over)
        figures |= _answer_figures(model, inside, told, learnt)
    for name, texts in (("out-of-scope recall", outside), ("out-of-scope recall, unrelated", list(UNRELATED))):
        if texts:
            missed = sum(one.in_scope for one in model.guess(texts))
            over = f"{len(texts)} messages at {model.scope.false_alarms:.0%} false alarms"
            figures[name] = Figure(1 - missed / len(texts), model.scope.false_alarms, over)
    return figures


def retrieval_figures(knowledge: Knowledge | None, examples: Sequence[Example]) -> dict[str, Figure]:
    """Recall at 1, 3 and 5 of the document (and heading) that `source` names; the baseline is words alone."""
    asked = [one for one in examples if one.source]
    if knowledge is None or not asked:
        return {}
    hybrid = [_place(knowledge.search(one.utterance, max(DEPTHS)), str(one.source)) for one in asked]
    words = [_place(knowledge.by_words(one.utterance, max(DEPTHS)), str(one.source)) for one in asked]
    over = f"{len(asked)} questions, {len(knowledge)} passages; baseline: words alone"
    return {
        f"retrieval recall@{depth}": Figure(
            sum(one < depth for one in hybrid) / len(asked), sum(one < depth for one in words) / len(asked), over
        )
        for depth in DEPTHS
    }


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


def _place(hits: Sequence[Hit], source: str) -> int:
    """Place of the first hit from a source, "returns.md" or "returns.md: Refunds"; beyond all when there is none."""
    document, _, heading = source.partition(":")
    for place, one in enumerate(hits):
        if one.passage.document == document.strip() and heading.strip().lower() in one.passage.title.lower():
            return place
    return len(hits) + max(DEPTHS)


def _macro_f1(true: Sequence[str], told: Sequence[str]) -> float:
    scores = []
    for name in sorted(set(true)):
        hit = sum(one == two == name for one, two in zip(true, told, strict=True))
        scores.append(2 * hit / max(true.count(name) + list(told).count(name), 1))
    return float(np.mean(scores))
