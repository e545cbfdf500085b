"""Conversations that a person answers, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from shoplens.store.database import Database
from shoplens.store.records import OPEN_HANDOVERS, HandoverRecord, HandoverState, HandoverStep, Transcript
from shoplens.store.schema import handover, outbox, transcript
from shoplens.store.sql_answers import storable


def put_handover(database: Database, connection: Connection, one: HandoverRecord) -> None:
    """Insert, or in place of the conversation's earlier one."""
    values = {name: getattr(one, name) for name in HandoverRecord.__slots__}
    values |= {name: storable(values[name]) for name in ("conversation_id", "reason", "summary", "agent")}
    put = database.insert(handover).values(**values)
    changing = [name for name in values if name != "conversation_id"]
    connection.execute(
        put.on_conflict_do_update(
            index_elements=["conversation_id"], set_={name: put.excluded[name] for name in changing}
        )
    )


def take_step(connection: Connection, conversation_id: str, step: HandoverStep) -> bool:
    """From one state into another. False when the conversation is not in that state any more."""
    changed = connection.execute(
        update(handover)
        .where(handover.c.conversation_id == storable(conversation_id), handover.c.state == step.before)
        .values(state=step.after, agent=storable(step.agent), changed=step.now)
    )
    return bool(changed.rowcount)


def drop_handovers(connection: Connection, conversations: Any) -> None:
    """Of these conversations: names, or a statement that selects them."""
    connection.execute(delete(handover).where(handover.c.conversation_id.in_(conversations)))
    connection.execute(delete(outbox).where(outbox.c.kind == "handover", outbox.c.subject.in_(conversations)))


class SqlHandovers:
    """See `store.conversations.Handovers`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._load = select(handover).where(handover.c.conversation_id == bindparam("name"))

    def load(self, conversation_id: str) -> HandoverRecord | None:
        """The latest of a conversation; None when it was never handed over."""
        with self._database.reading() as connection:
            found = connection.execute(self._load, {"name": storable(conversation_id)}).first()
        return None if found is None else HandoverRecord(**found._mapping)

    def queue(
        self, states: Sequence[HandoverState] = OPEN_HANDOVERS, *, agent: str | None = None, limit: int = 100
    ) -> list[tuple[HandoverRecord, Transcript]]:
        """Conversations in these states, those first that have waited longest."""
        columns = [column.label(f"kept_{column.name}") for column in transcript.c]
        wanted = (
            select(handover, *columns)
            .join(transcript, transcript.c.conversation_id == handover.c.conversation_id)
            .where(handover.c.state.in_(states))
            .order_by(handover.c.opened, handover.c.conversation_id)
            .limit(limit)
        )
        if agent is not None:
            wanted = wanted.where(handover.c.agent == storable(agent))
        with self._database.reading() as connection:
            rows = [row._mapping for row in connection.execute(wanted)]
        return [
            (
                HandoverRecord(**{name: row[name] for name in HandoverRecord.__slots__}),
                Transcript(**{name: row[f"kept_{name}"] for name in Transcript.__slots__}),
            )
            for row in rows
        ]

    def change(
        self, conversation_id: str, *, before: HandoverState, after: HandoverState, agent: str, now: int
    ) -> bool:
        """From one state into another; `agent` has it then. False when it is not in that state any more."""
        step = HandoverStep(before=before, after=after, agent=agent, now=now)
        with self._database.writing() as connection:
            return take_step(connection, conversation_id, step)

    def give_up(self, before: int, now: int) -> int:
        """Close what is open though nobody has written in it since a time (microseconds). Returns how many."""
        silent = select(transcript.c.conversation_id).where(transcript.c.updated < before)
        with self._database.writing() as connection:
            changed = connection.execute(
                update(handover)
                .where(handover.c.state.in_(OPEN_HANDOVERS), handover.c.conversation_id.in_(silent))
                .values(state="closed", changed=now)
            )
        return int(changed.rowcount)
