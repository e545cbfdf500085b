"""Answers that were given before: templates of intents, the slots they want, and which intent is meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shoplens.apps.assistant.composing import Draft, from_template
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.intents.templates import best_template, speak
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.products import SURE
from shoplens.apps.assistant.turns import Sentence, Turn, Understood
from shoplens.apps.assistant.understanding.reading import readable
from shoplens.apps.assistant.wording import say, slot_name

ACTS = 0.8  # probability of an intent from which on its tool is used


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopFacts:
    """What templates may say of the shop itself."""

    facts: Mapping[str, str] = field(default_factory=dict)  # name, phone, email, hours, website, chat
    actions: Mapping[str, str] = field(default_factory=dict)  # intent → "orders", "human" or "recommend"


class PastAnswers:
    """See the top of this file. `numbers`: those that stand in the shop's documents."""

    def __init__(
        self,
        intents: Callable[[], IntentModel | None],
        shop: ShopFacts,
        numbers: Callable[[], frozenset[float]],
    ) -> None:
        self._intents, self._shop, self._numbers = intents, shop, numbers

    def action(self, understood: Understood) -> str | None:
        """The tool that belongs to an intent."""
        sure = understood.in_scope and understood.confidence >= ACTS
        return self._shop.actions.get(understood.intent or "") if sure else None

    def pending(self, understood: Understood, memory: Memory) -> Draft | None:
        """The slot that was asked for has come."""
        if not memory.pending or memory.wanted not in understood.slots:
            return None
        return self._template(memory.pending, understood.language, {**memory.slots, **understood.slots}, memory)

    def given(self, turn: Turn, understood: Understood, memory: Memory) -> Draft | None:
        """The answer that was given before; or, between two intents, the question which one is meant."""
        if not understood.in_scope or understood.intent is None or turn.photos:
            return None
        if understood.confidence < SURE:
            if understood.second is None:
                return None
            first, second = readable(understood.intent), readable(understood.second)
            question = say(understood.language, "which_intent", first=first, second=second)
            memory.options = (understood.intent, understood.second)
            return Draft("asked_back", [Sentence(question)], question=question, options=(first, second))
        return self._template(understood.intent, understood.language, {**memory.slots, **understood.slots}, memory)

    def offered(self, understood: Understood) -> Draft | None:
        """A person may be meant: that is asked, never promised by an answer of the past."""
        intent = understood.intent or ""
        if not understood.in_scope or self._shop.actions.get(intent) != "human" or understood.confidence >= ACTS:
            return None
        question = say(understood.language, "offer_human")
        return Draft("asked_back", [Sentence(question)], question=question)

    def _template(self, intent: str, language: str, slots: Mapping[str, str], memory: Memory) -> Draft | None:
        model = self._intents()
        template = best_template(model.templates, intent, language, slots) if model is not None else None
        if template is None:
            return None
        spoken = speak(template, slots, self._shop.facts, self._numbers())
        if spoken.missing and not spoken.sentences:
            wanted = spoken.missing[0]
            memory.pending, memory.wanted = intent, wanted
            question = say(language, "which_slot", what=slot_name(language, wanted))
            return Draft("asked_back", [Sentence(question)], question=question)
        return from_template(template, spoken) if spoken.sentences else None
