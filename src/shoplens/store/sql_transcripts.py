"""Transcripts of the assistant in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from shoplens.errors import ConflictError
from shoplens.store.database import Database
from shoplens.store.records import Delivery, HandoverRecord, HandoverStep, Transcript, TranscriptTurn
from shoplens.store.schema import transcript, transcript_turn
from shoplens.store.sql_answers import storable, storable_or_none
from shoplens.store.sql_handovers import drop_handovers, put_handover, take_step
from shoplens.store.sql_outbox import put_out

PRUNED = 1_000  # conversations that go in one transaction, so that nobody waits long


class SqlTranscripts:
    """See `store.conversations.Transcripts`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        put = database.insert(transcript)
        changing = ("user_id", "updated", "language", "turns", "handed_over", "state")
        self._load = select(transcript).where(transcript.c.conversation_id == bindparam("name"))
        self._put = put.on_conflict_do_update(
            index_elements=["conversation_id"], set_={name: put.excluded[name] for name in changing}
        )
        self._add = database.insert(transcript_turn).on_conflict_do_nothing()
        self._add = self._add.returning(transcript_turn.c.number)

    def load(self, conversation_id: str) -> Transcript | None:
        """The conversation as of its latest turn."""
        with self._database.reading() as connection:
            found = connection.execute(self._load, {"name": storable(conversation_id)}).first()
        return None if found is None else _transcript(found)

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
        row = {
            "conversation_id": storable(turn.conversation_id),
            "number": turn.number,
            "timestamp": turn.timestamp,
            "said": storable(turn.said),
            "answer": storable(turn.answer),
            "details": turn.details,
            "helpful": turn.helpful,
            "intent": turn.intent,
        }
        with self._database.writing() as connection:
            if connection.execute(self._add, row).first() is None:
                raise ConflictError(
                    f"turn {turn.number} of conversation {turn.conversation_id!r} was answered already; send it again"
                )
            connection.execute(self._put, _row(kept))
            if handover is not None:
                put_handover(self._database, connection, handover)
            if step is not None and not take_step(connection, turn.conversation_id, step):
                raise ConflictError(f"conversation {turn.conversation_id!r} is not {step.before} any more")
            put_out(self._database, connection, deliveries)

    def turns(self, conversation_id: str, limit: int = 1_000) -> list[TranscriptTurn]:
        """The latest turns of a conversation, oldest first."""
        wanted = (
            select(transcript_turn)
            .where(transcript_turn.c.conversation_id == storable(conversation_id))
            .order_by(transcript_turn.c.number.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_turn(row) for row in connection.execute(wanted)][::-1]

    def latest(
        self, *, limit: int = 50, after: tuple[int, str] | None = None, handed_over: bool | None = None
    ) -> list[Transcript]:
        """Conversations, the ones that went on last first; those behind the one with this `updated` and
        `conversation_id`, those handed over or not."""
        wanted = select(transcript).order_by(transcript.c.updated.desc(), transcript.c.conversation_id).limit(limit)
        if after is not None:
            updated, behind = after[0], transcript.c.conversation_id > storable(after[1])
            same = and_(transcript.c.updated == updated, behind)
            wanted = wanted.where(or_(transcript.c.updated < updated, same))
        if handed_over is not None:
            wanted = wanted.where((transcript.c.handed_over != "") if handed_over else transcript.c.handed_over == "")
        with self._database.reading() as connection:
            return [_transcript(row) for row in connection.execute(wanted)]

    def judge(
        self, conversation_id: str, number: int, *, helpful: bool | None = None, intent: str | None = None
    ) -> bool:
        """Note what is thought of a turn; None leaves it as it was. False when there is no such turn."""
        said = {"helpful": helpful, "intent": storable_or_none(intent)}
        values = {name: value for name, value in said.items() if value is not None}
        turn = transcript_turn.c.conversation_id == storable(conversation_id), transcript_turn.c.number == number
        with self._database.writing() as connection:
            if not values:
                return connection.execute(select(transcript_turn.c.number).where(*turn)).first() is not None
            return bool(connection.execute(update(transcript_turn).where(*turn).values(values)).rowcount)

    def corrections(self) -> list[TranscriptTurn]:
        """All turns that the shop corrected, oldest first."""
        wanted = select(transcript_turn).where(transcript_turn.c.intent.is_not(None))
        with self._database.reading() as connection:
            return [_turn(row) for row in connection.execute(wanted.order_by(transcript_turn.c.timestamp))]

    def of_person(self, user_id: str) -> list[tuple[Transcript, list[TranscriptTurn]]]:
        """Everything that somebody said while signed in, oldest first."""
        wanted = select(transcript).where(transcript.c.user_id == storable(user_id)).order_by(transcript.c.started)
        with self._database.reading() as connection:
            found = [_transcript(row) for row in connection.execute(wanted)]
        return [(one, self.turns(one.conversation_id)) for one in found]

    def delete(self, conversation_id: str) -> bool:
        """Forget one conversation. False when there was none."""
        name = storable(conversation_id)
        with self._database.writing() as connection:
            drop_handovers(connection, [name])
            connection.execute(delete(transcript_turn).where(transcript_turn.c.conversation_id == name))
            return bool(connection.execute(delete(transcript).where(transcript.c.conversation_id == name)).rowcount)

    def prune(self, before: int) -> int:
        """Forget conversations that did not go on since a time (microseconds). Returns how many went."""
        old = select(transcript.c.conversation_id).where(transcript.c.updated < before).limit(PRUNED)
        gone = 0
        while True:
            with self._database.writing() as connection:
                names = list(connection.execute(old).scalars())
                drop_handovers(connection, names)
                for name in names:
                    connection.execute(delete(transcript_turn).where(transcript_turn.c.conversation_id == name))
                    connection.execute(delete(transcript).where(transcript.c.conversation_id == name))
            gone += len(names)
            if len(names) < PRUNED:
                return gone

    def count(self) -> int:
        """How many conversations there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(transcript)).scalar_one())


def _row(one: Transcript) -> dict[str, Any]:
    return {
        "conversation_id": storable(one.conversation_id),
        "user_id": storable_or_none(one.user_id),
        "started": one.started,
        "updated": one.updated,
        "language": one.language,
        "turns": one.turns,
        "handed_over": one.handed_over,
        "state": one.state,
    }


def _transcript(row: Any) -> Transcript:
    return Transcript(**row._mapping)


def _turn(row: Any) -> TranscriptTurn:
    return TranscriptTurn(**row._mapping)
