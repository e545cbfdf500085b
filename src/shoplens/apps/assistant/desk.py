"""Where people of the shop answer: conversations that wait, who takes one, what they say, and how it goes back.

desk.waiting() → desk.take(name, agent="Mia") → desk.answer(name, "…", agent="Mia") → desk.give_back(name, agent="Mia")

What an agent says is a turn of the same conversation. While one is open the assistant says no more than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.turns import MAX_TEXT
from shoplens.apps.assistant.wording import say
from shoplens.errors import ConflictError, InputError, NotFoundError
from shoplens.store.conversations import Handovers, Transcripts
from shoplens.store.records import (
    OPEN_HANDOVERS,
    HandoverRecord,
    HandoverState,
    HandoverStep,
    Transcript,
    TranscriptTurn,
)

BackTo = Literal["assistant", "queue", "closed"]
MAX_AGENT = 80  # characters
ATTEMPTS = 5  # to say something while the customer writes, too
_AFTER: dict[BackTo, HandoverState] = {"assistant": "returned", "queue": "waiting", "closed": "closed"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation in the queue."""

    handover: HandoverRecord
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Messages:
    """What was said in a conversation, as its customer may see it."""

    conversation_id: str
    handover: HandoverRecord | None  # None: it was never handed over
    turns: list[TranscriptTurn]


class Desk:
    """See the top of this file. Its state is the store's: any process may do any step."""

    def __init__(self, transcripts: Transcripts, handovers: Handovers, *, now: Callable[[], float] = time.time) -> None:
        self._transcripts, self._handovers, self._now = transcripts, handovers, now

    def waiting(
        self, states: Sequence[HandoverState] = OPEN_HANDOVERS, *, agent: str | None = None, limit: int = 100
    ) -> list[Waiting]:
        """Conversations that wait or that an agent has, those first that were handed over first."""
        return [Waiting(*one) for one in self._handovers.queue(states, agent=agent, limit=limit)]

    def take(self, conversation_id: str, *, agent: str) -> HandoverRecord:
        """It is this agent's. ConflictError when somebody else has it or it is closed; NotFoundError."""
        _check(agent)
        record = self._record(conversation_id)
        if record.state == "waiting":
            now = int(self._now() * 1e6)
            if self._handovers.change(conversation_id, before="waiting", after="with_agent", agent=agent, now=now):
                return replace(record, state="with_agent", agent=agent, changed=now)
            record = self._record(conversation_id)
        if record.state != "with_agent":
            raise ConflictError(f"conversation {conversation_id!r} is {record.state}: the assistant answers there")
        if record.agent != agent:
            raise ConflictError(f"{record.agent} has conversation {conversation_id!r}; they must give it back first")
        return record

    def answer(self, conversation_id: str, text: str, *, agent: str) -> TranscriptTurn:
        """Say something to the customer; takes the conversation where nobody has. Errors as of `take`; InputError for
        an empty or overlong text."""
        if not text.strip() or len(text) > MAX_TEXT:
            raise InputError(f"text: say something, in at most {MAX_TEXT} characters")
        self.take(conversation_id, agent=agent)
        return self._say(conversation_id, text, "agent", agent)

    def give_back(self, conversation_id: str, *, agent: str, to: BackTo = "assistant") -> HandoverRecord:
        """Let the assistant go on, put it back into the queue, or close it. The customer is told of the first and last.
        Errors as of `take`."""
        record = self.take(conversation_id, agent=agent)
        whose = "" if to == "queue" else agent
        step = HandoverStep(before="with_agent", after=_AFTER[to], agent=whose, now=int(self._now() * 1e6))
        if to != "queue":
            self._say(conversation_id, None, step.after, agent, step)
        elif not self._handovers.change(
            conversation_id, before=step.before, after=step.after, agent=whose, now=step.now
        ):
            raise _gone(conversation_id)
        return replace(record, state=step.after, agent=whose, changed=step.now)

    def messages(self, conversation_id: str, after: int = 0) -> Messages:
        """What was said after a turn. NotFoundError when there is no such conversation."""
        kept = self._transcripts.load(conversation_id)
        if kept is None:
            raise NotFoundError(f"no conversation {conversation_id!r}")
        return self._messages(kept, after)

    def messages_for(self, user_id: str | None, conversation_id: str, after: int = 0) -> Messages:
        """The same for the customer: `user_id` is who the shop has signed in. NotFoundError also when the conversation
        is somebody else's."""
        kept = self._transcripts.load(conversation_id)
        if kept is None or kept.user_id not in (None, user_id):
            raise NotFoundError(f"no conversation {conversation_id!r}")
        return self._messages(kept, after)

    def _messages(self, kept: Transcript, after: int) -> Messages:
        name = kept.conversation_id
        record = self._handovers.load(name) if kept.handed_over else None
        turns = self._transcripts.turns(name, kept.turns - after) if kept.turns > after else []
        return Messages(name, record, [one for one in turns if one.number > after])

    def _say(
        self, name: str, text: str | None, outcome: str, agent: str, step: HandoverStep | None = None
    ) -> TranscriptTurn:
        """A turn without a message of the customer, who may write at the same time; without a `text` what the assistant
        says to this outcome. With it, in one transaction, the step that it tells of."""
        for attempt in range(ATTEMPTS):
            kept = self._transcripts.load(name)
            if kept is None:
                break
            memory = Memory.of(kept.state)
            told = say(kept.language or "en", outcome) if text is None else text
            memory.remember("", told, None)
            if outcome != "agent":
                memory.misses = memory.upset = 0  # why it was handed over is settled
            now = int(self._now() * 1e6)
            details = orjson.dumps({"outcome": outcome, "agent": agent}).decode()
            turn = TranscriptTurn(
                conversation_id=name, number=kept.turns + 1, timestamp=now, said="", answer=told, details=details
            )
            after = replace(kept, updated=now, turns=turn.number, state=memory.told())
            try:
                self._transcripts.record(after, turn, step=step)
            except ConflictError:
                record = self._handovers.load(name) if step is not None else None
                if step is not None and (record is None or record.state != step.before):
                    raise _gone(name) from None
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return turn
        raise NotFoundError(f"no conversation {name!r}")

    def _record(self, name: str) -> HandoverRecord:
        record = self._handovers.load(name)
        if record is None:
            raise NotFoundError(f"conversation {name!r} was never handed over; who waits: shoplens assistant waiting")
        return record


def _gone(name: str) -> ConflictError:
    return ConflictError(f"conversation {name!r} was given back meanwhile")


def _check(agent: str) -> None:
    if not agent.strip() or len(agent) > MAX_AGENT:
        raise InputError(f"agent: a name of 1 to {MAX_AGENT} characters")
