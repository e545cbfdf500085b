"""What a store keeps of the assistant: what was said, who waits for a person, and what has to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shoplens.store.records import (
    OPEN_HANDOVERS,
    Delivery,
    HandoverRecord,
    HandoverState,
    HandoverStep,
    Transcript,
    TranscriptTurn,
)


class Transcripts(Protocol):
    """Transcripts of the assistant. Kept for a while (`prune`), and forgotten with the person (`People.delete`)."""

    def load(self, conversation_id: str) -> Transcript | None:
        """The conversation as of its latest turn."""
        ...

    def record(
        self,
        kept: Transcript,
        turn: TranscriptTurn,
        *,
        handover: HandoverRecord | None = None,
        step: HandoverStep | None = None,
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        """Store a turn and the transcript after it, that it was handed over or what became of that, and who is to be
        told, in one transaction. ConflictError when that turn was answered already, by another process, say, or the
        handover is not in that state any more."""
        ...

    def turns(self, conversation_id: str, limit: int = 1_000) -> list[TranscriptTurn]:
        """The latest turns of a conversation, oldest first."""
        ...

    def latest(
        self, *, limit: int = 50, after: tuple[int, str] | None = None, handed_over: bool | None = None
    ) -> list[Transcript]:
        """Conversations, the ones that went on last first; those behind the one with this `updated` and
        `conversation_id`, those handed over or not."""
        ...

    def judge(
        self, conversation_id: str, number: int, *, helpful: bool | None = None, intent: str | None = None
    ) -> bool:
        """Note what is thought of a turn; None leaves it as it was. False when there is no such turn."""
        ...

    def corrections(self) -> list[TranscriptTurn]:
        """All turns that the shop corrected (`TranscriptTurn.intent`), oldest first."""
        ...

    def of_person(self, user_id: str) -> list[tuple[Transcript, list[TranscriptTurn]]]:
        """Everything that somebody said while signed in, oldest first."""
        ...

    def delete(self, conversation_id: str) -> bool:
        """Forget one conversation. False when there was none."""
        ...

    def prune(self, before: int) -> int:
        """Forget conversations that did not go on since a time (microseconds). Returns how many went."""
        ...

    def count(self) -> int:
        """How many conversations there are."""
        ...


class Handovers(Protocol):
    """Conversations that a person answers. `Transcripts.record` begins one; it goes with its transcript."""

    def load(self, conversation_id: str) -> HandoverRecord | None:
        """The latest of a conversation; None when it was never handed over."""
        ...

    def queue(
        self, states: Sequence[HandoverState] = OPEN_HANDOVERS, *, agent: str | None = None, limit: int = 100
    ) -> list[tuple[HandoverRecord, Transcript]]:
        """Conversations in these states, those first that have waited longest."""
        ...

    def change(
        self, conversation_id: str, *, before: HandoverState, after: HandoverState, agent: str, now: int
    ) -> bool:
        """From one state into another; `agent` has it then. False when it is not in that state any more."""
        ...

    def give_up(self, before: int, now: int) -> int:
        """Close what is open though nobody has written in it since a time (microseconds). Returns how many."""
        ...


class Outbox(Protocol):
    """What is to be sent to people, until it is. Written in the transaction of what it tells of."""

    def claim(self, now: int, lease: int, limit: int) -> list[Delivery]:
        """Deliveries that are due, taken for `lease` microseconds so that no other process sends them too."""
        ...

    def settle(self, delivery: Delivery) -> None:
        """What became of it."""
        ...

    def waiting(self) -> int:
        """Deliveries that are still to be made."""
        ...

    def prune(self, before: int) -> int:
        """Forget what was delivered or given up before a time (microseconds). Returns how many went."""
        ...
