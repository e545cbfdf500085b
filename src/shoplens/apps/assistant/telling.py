"""What is told of a turn: to the transcript, to a listener, and to who writes while a person has the conversation."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from shoplens.apps.assistant.listening import Listener
from shoplens.apps.assistant.turns import Act, Outcome, Reply, Sentence, Tone, Understood
from shoplens.store.records import Transcript


def details_of(reply: Reply) -> dict[str, Any]:
    """What the transcript keeps of how a turn was answered."""
    understood = reply.understood
    return {
        "outcome": reply.outcome,
        "act": understood.act.value,
        "intent": understood.intent,
        "confidence": round(understood.confidence, 4),
        "in_scope": understood.in_scope,
        "language": understood.language,
        "tone": understood.tone.value,
        "refused": understood.refused,
        "slots": dict(understood.slots),
        "sources": [one.id for one in reply.sources],
        "items": list(reply.items),
        "written_by": reply.written_by,
        "handover": None if reply.handover is None else asdict(reply.handover),
    }


def silent_reply(kept: Transcript, language: str, outcome: Outcome, said: str, listener: Listener) -> Reply:
    """A turn that answers nothing: it says who does."""
    sentence = Sentence(said)
    listener.sentence(sentence)
    return Reply(
        conversation_id=kept.conversation_id,
        turn=kept.turns + 1,
        outcome=outcome,
        sentences=(sentence,),
        sources=(),
        understood=Understood(language, Tone.NEUTRAL, Act.HUMAN),
    )


def read_as(understood: Understood) -> dict[str, object]:
    """What a listener hears of how a message was read."""
    return {
        "language": understood.language,
        "act": understood.act.value,
        "intent": understood.intent,
        "in_scope": understood.in_scope,
        "tone": understood.tone.value,
        "refused": understood.refused,
    }


def spaced(sentences: list[Sentence], language: str) -> list[Sentence]:
    """Chinese sentences follow one another without a space."""
    return [replace(one, lead="") if language == "zh" and one.lead == " " else one for one in sentences]
