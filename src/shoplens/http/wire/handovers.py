"""Conversations that a person answers, over the wire: the queue, what an agent does, what the customer reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from shoplens.apps.assistant.desk import MAX_AGENT, BackTo, Messages, Waiting
from shoplens.apps.assistant.turns import MAX_ID, MAX_TEXT
from shoplens.domain.moments import told
from shoplens.http.wire.fields import SAID_PATTERN, Request, Told
from shoplens.store.records import HandoverRecord, HandoverState, TranscriptTurn


class TakeIn(Request):
    """Who takes a conversation."""

    agent: str = Field(min_length=1, max_length=MAX_AGENT, pattern=SAID_PATTERN, examples=["Mia"])


class AgentAnswerIn(TakeIn):
    """What an agent says to the customer."""

    text: str = Field(min_length=1, max_length=MAX_TEXT, pattern=SAID_PATTERN)


class GiveBackIn(TakeIn):
    """Where a conversation goes."""

    to: BackTo = Field(
        default="assistant",
        description="assistant: it answers again, and the customer is told; queue: for another agent; closed: over, "
        "and the customer is told.",
    )


class LeaveIn(Request):
    """Who waits no longer."""

    user_id: str | None = Field(default=None, max_length=MAX_ID, description="Who is signed in, as your server knows.")


class HandoverStateOut(BaseModel):
    """A conversation that was handed over to a person."""

    conversation_id: str
    state: HandoverState = Field(description="The assistant answers again once it is returned or closed.")
    agent: str = Field(description='Who has it; "" = nobody.')
    reason: str = Field(description="asked, unsure, upset, topic or rule.")
    summary: str = Field(description="For the person who takes over.")
    opened: Told
    changed: Told = Field(description="When it came into this state.")


class WaitingOut(HandoverStateOut):
    """A conversation in the queue."""

    user_id: str | None
    language: str
    turns: int
    updated: Told = Field(description="When somebody wrote last.")


class HandoversAnswer(BaseModel):
    """The queue, those first that were handed over first."""

    handovers: list[WaitingOut]


class MessageOut(BaseModel):
    """Something that was said."""

    turn: int
    by: Literal["customer", "assistant", "agent"]
    text: str
    agent: str | None = Field(description="Who of the shop said it.")
    timestamp: Told


class MessagesAnswer(BaseModel):
    """What was said after a turn."""

    conversation_id: str
    state: HandoverState | None = Field(description="Of the handover to a person; null: there was none.")
    agent: str | None
    messages: list[MessageOut]


def handover_json(one: HandoverRecord) -> dict[str, Any]:
    """`HandoverStateOut` as plain values."""
    plain = {name: getattr(one, name) for name in HandoverStateOut.model_fields}
    return plain | {"opened": told(one.opened), "changed": told(one.changed)}


def waiting_json(found: Sequence[Waiting]) -> dict[str, Any]:
    """`HandoversAnswer` as plain values."""
    return {
        "handovers": [
            handover_json(one.handover)
            | {name: getattr(one.transcript, name) for name in ("user_id", "language", "turns")}
            | {"updated": told(one.transcript.updated)}
            for one in found
        ]
    }


def messages_json(found: Messages) -> dict[str, Any]:
    """`MessagesAnswer` as plain values."""
    record = found.handover
    return {
        "conversation_id": found.conversation_id,
        "state": record.state if record is not None else None,
        "agent": (record.agent or None) if record is not None else None,
        "messages": [message for one in found.turns for message in turn_messages(one)],
    }


def turn_messages(turn: TranscriptTurn) -> Iterator[dict[str, Any]]:
    """A turn as one message or two; each a `MessageOut`."""
    details = orjson.loads(turn.details)
    said = {"turn": turn.number, "timestamp": told(turn.timestamp)}
    if turn.said:
        yield said | {"by": "customer", "text": turn.said, "agent": None}
    by_agent = details.get("outcome") == "agent"  # that one gave it back is said by the assistant
    agent = details.get("agent") if by_agent else None
    if turn.answer:
        yield said | {"by": "agent" if by_agent else "assistant", "text": turn.answer, "agent": agent}
