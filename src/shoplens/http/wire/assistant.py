"""POST /v1/assistant over the wire: a message, an answer sentence by sentence with sources, transcripts, feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from shoplens.apps.assistant.turns import MAX_TEXT, Handover, Reply, Sentence, Turn, WrittenBy
from shoplens.apps.interaction.turns import PhotoAsk
from shoplens.domain.moments import told
from shoplens.http.wire.fields import Id, Request, Told
from shoplens.http.wire.pages import Next, decode, encode
from shoplens.service.loose_media import Part
from shoplens.store.records import Transcript, TranscriptTurn


class AssistantIn(Request):
    """What a customer says. Photos come beside it in a form."""

    conversation_id: Id | None = Field(default=None, description="Of the answer before; without one a new one begins.")
    user_id: Id | None = Field(
        default=None,
        description="Who is signed in, as your server knows it: their own orders are told to them. Never take it from "
        "what somebody types.",
    )
    text: str = Field(default="", max_length=MAX_TEXT, pattern=r"^[^\x00]*$", examples=["how long can I return this?"])
    language: Literal["en", "zh"] | None = Field(default=None, description="Default: as the customer writes.")
    stream: bool = Field(default=False, description="Answer as server-sent events; as `Accept: text/event-stream`.")

    def to_turn(self, parts: Sequence[Part] = ()) -> Turn:
        """In terms of the shop. InputError for an empty message or too many photos."""
        return Turn(
            text=self.text,
            conversation_id=self.conversation_id,
            user_id=self.user_id,
            photos=tuple(PhotoAsk(part.content, part.crop) for part in parts if part.kind == "image"),
            language=self.language,
        )


class SentenceOut(BaseModel):
    """One sentence. A factual one names its sources; talk has none."""

    text: str
    sources: list[str] = Field(description="Ids of `sources`.")
    lead: str = Field(description="What stands before it: a space, a line break or nothing.")


class SourceOut(BaseModel):
    """Where something that was said stands."""

    id: str
    kind: Literal["document", "product", "order", "dialogue", "shop"]
    title: str = Field(description="Heading path of a document, title of a product.")
    text: str
    location: str = Field(description="File and line (of a PDF: page), or item_id.")


class HandoverOut(BaseModel):
    """A person was asked to take over."""

    reason: Literal["asked", "unsure", "upset", "topic", "rule"]
    summary: str = Field(description="For the person who takes over, not for the customer.")
    open_now: bool
    hours: str = Field(description='When people answer; "" = always.')
    opens: str | None = Field(description="When they do next, in the time zone of these hours; null: now.")


class AssistantAnswer(BaseModel):
    """The answer, and how the message was understood."""

    conversation_id: str = Field(description="Send it with the next message.")
    turn: int = Field(description="Of this conversation, from 1; feedback names it.")
    text: str
    outcome: Literal[
        "answered", "talked", "asked_back", "refused", "unknown", "handed_over", "waiting", "with_agent", "left"
    ]
    sentences: list[SentenceOut]
    sources: list[SourceOut]
    items: list[str] = Field(description="item_ids that were spoken of or shown, in order.")
    question: str | None = Field(description="What is asked back.")
    options: list[str] = Field(description="Answers that the question offers; send one as the next message.")
    language: str
    tone: Literal["neutral", "polite", "urgent", "upset"]
    intent: str | None = Field(description="The most likely one, learnt from dialogues.")
    confidence: float = Field(description="Calibrated probability of that intent.")
    in_scope: bool = Field(description="Whether the message is about anything that was learnt.")
    slots: dict[str, str] = Field(description="Numbers and names in the message: order_id, email …")
    handover: HandoverOut | None
    written_by: WrittenBy = Field(
        description="both: the endpoint's words up to the first that stands in no source, templates from there on."
    )


class FeedbackIn(Request):
    """What is thought of an answer. Correcting its intent needs a key that may write."""

    conversation_id: Id
    turn: int = Field(ge=1, le=1_000_000)
    helpful: bool | None = None
    intent: Id | None = Field(
        default=None,
        description="What the message should have been understood as; the next `assistant learn` takes it up.",
    )


class FeedbackOut(BaseModel):
    """What was noted."""

    conversation_id: str
    turn: int


class ConversationOut(BaseModel):
    """A conversation as of its latest turn."""

    conversation_id: str
    user_id: str | None
    started: Told
    updated: Told
    language: str
    turns: int
    handed_over: str = Field(description='Why a person was asked to take over; "" = nobody was.')


class TranscriptTurnOut(BaseModel):
    """One turn of a transcript."""

    turn: int
    timestamp: Told
    said: str
    answer: str
    details: dict[str, Any] = Field(description="Intent, confidence, sources, handover …")
    helpful: bool | None
    intent: str | None = Field(description="As the shop corrected it.")


class TranscriptOut(ConversationOut):
    """A whole conversation."""

    said: list[TranscriptTurnOut]


class ConversationsAnswer(BaseModel):
    """The conversations that went on last, latest first."""

    conversations: list[ConversationOut]
    cursor: Next


class ConversationForgotten(BaseModel):
    """A conversation that is no longer kept."""

    conversation_id: str


def reply_json(reply: Reply) -> dict[str, Any]:
    """`AssistantAnswer` as plain values."""
    understood = reply.understood
    return {
        "conversation_id": reply.conversation_id,
        "turn": reply.turn,
        "text": reply.text,
        "outcome": reply.outcome,
        "sentences": [sentence_json(one) for one in reply.sentences],
        "sources": [asdict(one) for one in reply.sources],
        "items": list(reply.items),
        "question": reply.question,
        "options": list(reply.options),
        "language": understood.language,
        "tone": understood.tone.value,
        "intent": understood.intent,
        "confidence": round(understood.confidence, 4),
        "in_scope": understood.in_scope,
        "slots": dict(understood.slots),
        "handover": None if reply.handover is None else handover_told(reply.handover),
        "written_by": reply.written_by,
    }


def handover_told(handover: Handover) -> dict[str, Any]:
    """`HandoverOut` as plain values."""
    return asdict(handover) | {"opens": handover.opens.isoformat() if handover.opens is not None else None}


def sentence_json(sentence: Sentence) -> dict[str, Any]:
    """`SentenceOut` as plain values."""
    return {"text": sentence.text, "sources": list(sentence.sources), "lead": sentence.lead}


def conversation_json(kept: Transcript) -> dict[str, Any]:
    """`ConversationOut` as plain values."""
    plain = {name: getattr(kept, name) for name in ConversationOut.model_fields}
    return plain | {"started": told(kept.started), "updated": told(kept.updated)}


def conversations_json(found: Sequence[Transcript], limit: int) -> dict[str, Any]:
    """`ConversationsAnswer` of what was found when one more than `limit` was asked for."""
    page = found[:limit]
    more = len(found) > limit
    cursor = encode("conversations", page[-1].updated, page[-1].conversation_id) if more else None
    return {"conversations": [conversation_json(one) for one in page], "cursor": cursor}


def behind_conversation(cursor: str | None) -> tuple[int, str] | None:
    """`updated` and `conversation_id` of the last one before. InputError for what is no cursor."""
    if cursor is None:
        return None
    updated, conversation_id = decode(cursor, "conversations", int, str)
    return int(updated), str(conversation_id)


def transcript_json(kept: Transcript, turns: Sequence[TranscriptTurn]) -> dict[str, Any]:
    """`TranscriptOut` as plain values."""
    said = [
        {
            "turn": one.number,
            "timestamp": told(one.timestamp),
            "said": one.said,
            "answer": one.answer,
            "details": orjson.loads(one.details),
            "helpful": one.helpful,
            "intent": one.intent,
        }
        for one in turns
    ]
    return conversation_json(kept) | {"said": said}


def event(name: str, data: object, number: int | None = None) -> bytes:
    """One server-sent event; `number`: its id, from which a listener goes on."""
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
