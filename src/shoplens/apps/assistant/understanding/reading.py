"""A message read: everything that answering goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.languages import SPOKEN, spoken_in
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.safety import plain, why_refused
from shoplens.apps.assistant.turns import TALK, Act, Turn, Understood
from shoplens.apps.assistant.understanding.acts import act_of
from shoplens.apps.assistant.understanding.questions import follows
from shoplens.apps.assistant.understanding.slots import slots_of
from shoplens.apps.assistant.understanding.spelling import spelled_out
from shoplens.apps.assistant.understanding.talk import accepts
from shoplens.apps.assistant.understanding.tone import tone_of

#: Acts that half a question takes over from the one before.
GOES_ON = frozenset({Act.ORDERS, Act.PRICE, Act.STOCK, Act.ATTRIBUTE, Act.COMPATIBLE, Act.FIND})
#: The intents in use now; None before any were learnt.
CurrentIntents = Callable[[], IntentModel | None]


class Understanding:
    """Safe to share between threads."""

    def __init__(self, intents: CurrentIntents, *, language: str = "en") -> None:
        self._intents = intents
        self._language = language

    def __call__(self, turn: Turn, memory: Memory, before: str = "") -> Understood:
        """`before`: the language of the conversation so far."""
        text = plain(turn.text).strip()
        told = turn.language if turn.language in SPOKEN else None
        language = told or spoken_in(text, before if before in SPOKEN else self._language)
        act = Act.HUMAN if memory.offered and accepts(text) else _act(spelled_out(text), memory)
        read = Understood(language, tone_of(text), act, slots=slots_of(text), refused=why_refused(text))
        model = self._intents()
        if model is None or not text or read.refused or read.act in TALK:
            return read  # "hello" has no intent, whichever of those that were learnt is the least unlike it
        offered = next((one for one in memory.options if _chooses(text, one, memory.options)), None)
        if offered is not None:
            return replace(read, intent=offered, confidence=1.0, in_scope=True)
        guess = model.guess([text])[0]
        return replace(
            read, intent=guess.intent, confidence=guess.confidence, in_scope=guess.in_scope, second=guess.second
        )


def _act(text: str, memory: Memory) -> Act:
    """What is asked; half a question ("and the lamp?") asks for what the one before it did."""
    act = act_of(text)
    if act is Act.QUESTION and memory.said and follows(text):
        before = act_of(spelled_out(memory.said[-1][0]))
        return before if before in GOES_ON else act
    return act


def readable(intent: str) -> str:
    """An intent's name as it is said to customers."""
    return intent.replace("_", " ").replace("-", " ").strip()


def _chooses(text: str, intent: str, offered: tuple[str, ...]) -> bool:
    """Whether a short message takes one of the intents that were offered: by its name, or by its place."""
    said = text.casefold().strip(" .!。！")
    if said == readable(intent).casefold() or said == intent.casefold():
        return True
    places = (
        {"1", "first", "the first", "the first one", "第一个", "前者"},
        {"2", "second", "the second", "the second one", "第二个", "后者"},
    )
    place = offered.index(intent)
    return place < len(places) and said in places[place]
