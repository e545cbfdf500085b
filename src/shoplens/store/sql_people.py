"""People in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select, text, update
from sqlalchemy import delete as sql_delete

from shoplens.domain.events import key_of_text
from shoplens.domain.people import Person
from shoplens.errors import StoreError
from shoplens.store.database import Database, chunks, count_up, settle
from shoplens.store.erasures import guest, record
from shoplens.store.opinion_schema import opinion
from shoplens.store.records import OF_GUEST, Checkpoint
from shoplens.store.schema import (
    SIGN_BIT,
    event,
    event_trail,
    impression,
    person,
    search,
    sign_in,
    transcript,
    transcript_turn,
)
from shoplens.store.sql_answers import storable
from shoplens.store.sql_handovers import drop_handovers

_CHUNK = 5_000  # rows a statement


class SqlPeople:
    """People by `user_id`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        put = database.insert(person)
        self._put = put.on_conflict_do_update(
            index_elements=["user_id"], set_={name: put.excluded[name] for name in ("stub", "content", "fields")}
        )
        self._known = select(person.c.user_id, person.c.content).where(database.among(person.c.user_id, "ids"))

    def upsert(self, people: Iterable[Person], checkpoint: Checkpoint | None = None) -> int:
        """Insert or replace, in one transaction. Returns how many rows really changed."""
        rows = [_to_row(one) for one in people]
        changed = 0
        with self._database.writing() as connection:
            for chunk in chunks(rows, _CHUNK):
                last = {row["user_id"]: row for row in chunk}  # named twice: the later one counts
                known = connection.execute(self._known, {"ids": self._database.many(list(last))})
                content = dict(known.all())
                new = [row for row in last.values() if content.get(row["user_id"]) != row["content"]]
                if new:
                    connection.execute(self._put, new)
                changed += len(new)
            settle(self._database, connection, checkpoint)
        return changed

    def get(self, user_id: str) -> Person | None:
        """The person, if known."""
        columns = select(person.c.user_id, person.c.fields, person.c.stub)
        with self._database.reading() as connection:
            found = connection.execute(columns.where(person.c.user_id == user_id)).first()
        return None if found is None else _from_row(*found)

    def scan(self, size: int = 5_000) -> Iterator[list[tuple[int, Person]]]:
        """Store row and person, by store row, in chunks. Each chunk is its own short transaction."""
        page = (
            select(person.c.row, person.c.user_id, person.c.fields, person.c.stub)
            .where(person.c.row > bindparam("after"))
            .order_by(person.c.row)
            .limit(size)
        )
        after = 0
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page, {"after": after}).all()
            if not found:
                return
            yield [(row, _from_row(user_id, fields, stub)) for row, user_id, fields, stub in found]
            after = found[-1][0]

    def delete(self, user_id: str, also: Mapping[str, int] | None = None) -> Mapping[str, int]:
        """Forget a person with all their events, searches, impressions, transcripts and opinions, and what their
        sessions did before they signed in, in one transaction. Returns what went: people, events, searches,
        impressions, transcripts, opinions → how many.

        Where anything did, the same transaction writes an `Erasure`; `also` adds counts of what was deleted elsewhere.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(person.c.row).where(person.c.user_id == user_id)).scalar()
            sessions = [] if row is None else _sessions_of(connection, row)
            counts = {"people": int(row is not None), "events": 0}
            for name, log in (("searches", search), ("impressions", impression)):
                theirs = connection.execute(sql_delete(log).where(log.c.user_id == storable(user_id))).rowcount
                counts[name] = theirs + self._delete_answers(connection, log, sessions)
            counts["transcripts"] = _delete_transcripts(connection, transcript.c.user_id == storable(user_id))
            written = sql_delete(opinion).where(opinion.c.author == storable(user_id))
            counts["opinions"] = connection.execute(written).rowcount  # what was counted names nobody, and stays
            if row is not None:
                counts["events"] = self._delete_events(connection, row, sessions)
                connection.execute(sql_delete(person).where(person.c.row == row))
                connection.execute(sql_delete(sign_in).where(sign_in.c.user_id == storable(user_id)))
                count_up(connection, "forgotten", 1)
            if any(counts.values()) or any((also or {}).values()):
                record(connection, user_id, counts | dict(also or {}))
        return counts

    def delete_guest(self, sessions: Sequence[str], also: Mapping[str, int] | None = None) -> Mapping[str, int]:
        """Forget what was done in these sessions by nobody known, in one transaction; the first names the record.
        Returns what went: events, searches, impressions, transcripts → how many."""
        stored = [storable(session) for session in sessions]
        with self._database.writing() as connection:
            counts = {"events": self._delete_events(connection, None, sessions)}
            for name, log in (("searches", search), ("impressions", impression)):
                counts[name] = self._delete_answers(connection, log, stored)
            unnamed = transcript.c.user_id.is_(None) & transcript.c.conversation_id.in_(stored)
            counts["transcripts"] = _delete_transcripts(connection, unnamed)
            if any(counts.values()) or any((also or {}).values()):
                record(connection, guest(sessions[0]), counts | dict(also or {}) | {OF_GUEST: 1})
        return counts

    def sign_in(self, user_id: str, session_id: str) -> int:
        """What a session did as a guest becomes the person's; see `People.sign_in`."""
        with self._database.writing() as connection:
            row = self._row_of(connection, user_id)
            guest, member = storable(session_id), storable(user_id)
            shown = select(impression.c.sequence).where(impression.c.user_id == member).limit(1)
            if connection.execute(shown).first() is None:
                put = self._database.insert(sign_in).values(user_id=member, session_id=guest)
                connection.execute(put.on_conflict_do_nothing(index_elements=["user_id"]))
            for log in (search, impression):
                theirs = log.c.session_id == guest, log.c.user_id.is_(None)
                connection.execute(update(log).where(*theirs).values(user_id=member))
            return self._hand_over(connection, row, session_id)

    def known_as(self, user_id: str) -> str:
        """By which name a person is drawn in experiments: their own, or the session they came from."""
        asked = select(sign_in.c.session_id).where(sign_in.c.user_id == storable(user_id))
        with self._database.reading() as connection:
            found = connection.execute(asked).scalar()
        return user_id if found is None else str(found)

    def _row_of(self, connection: Connection, user_id: str) -> int:
        """The person's row, made when there is none."""
        wanted = select(person.c.row).where(person.c.user_id == user_id)
        row = connection.execute(wanted).scalar()
        if row is None:
            connection.execute(person.insert().values(stub_of_person(user_id)))
            row = connection.execute(wanted).scalar_one()
        return int(row)

    def _hand_over(self, connection: Connection, row: int, session_id: str) -> int:
        """Give a guest's events to a person. Returns how many."""
        key = key_of_text(session_id)
        if not self._database.sqlite:
            theirs = event.c.session == key, event.c.session_id == session_id, event.c.person.is_(None)
            return int(connection.execute(update(event).where(*theirs).values(person=row, session=None)).rowcount)
        told: dict[str, Any] = {"row": row, "guest": key | SIGN_BIT, "session": session_id}
        wanted = (
            "SELECT sequence FROM event WHERE sequence IN (SELECT sequence FROM event_trail WHERE who = :guest) "
            "AND session_id = :session AND person IS NULL"
        )
        told["numbers"] = orjson.dumps([number for (number,) in connection.execute(text(wanted), told)]).decode()
        for statement in (
            "INSERT INTO event_trail SELECT :row, timestamp, sequence FROM event_trail "
            "WHERE who = :guest AND sequence IN (SELECT value FROM json_each(:numbers))",
            "DELETE FROM event_trail WHERE who = :guest AND sequence IN (SELECT value FROM json_each(:numbers))",
        ):
            connection.execute(text(statement), told)
        listed = "sequence IN (SELECT value FROM json_each(:numbers))"
        moved = f"UPDATE event SET person = :row, session = NULL WHERE {listed}"  # noqa: S608 a constant
        return int(connection.execute(text(moved), told).rowcount)

    def _delete_answers(self, connection: Connection, log: Table, sessions: Sequence[str]) -> int:
        """What was asked in these sessions by nobody known."""
        gone = 0
        unnamed = sql_delete(log).where(log.c.user_id.is_(None), self._database.among(log.c.session_id, "ids"))
        for chunk in chunks(sessions, _CHUNK):
            gone += connection.execute(unnamed, {"ids": self._database.many(chunk)}).rowcount
        return gone

    def _delete_events(self, connection: Connection, row: int | None, sessions: Sequence[str]) -> int:
        """Events of the person, if any, and of these sessions while they were a guest's."""
        keys = [key_of_text(session) for session in sessions]
        if self._database.sqlite:
            persons = [] if row is None else [row]
            who = orjson.dumps([*persons, *(key | SIGN_BIT for key in keys)]).decode()
            theirs = "(SELECT sequence FROM event_trail WHERE who IN (SELECT value FROM json_each(:who)))"
            events = f"DELETE FROM event WHERE sequence IN {theirs}"  # noqa: S608 all three are constants
            claims = f"DELETE FROM event_key WHERE key IN (SELECT key FROM event WHERE sequence IN {theirs})"  # noqa: S608
            trail = "DELETE FROM event_trail WHERE who IN (SELECT value FROM json_each(:who))"
            connection.execute(text(claims), {"who": who})
            gone = connection.execute(text(events), {"who": who}).rowcount
            connection.execute(text(trail), {"who": who})
        else:
            theirs_too = sql_delete(event).where(event.c.person == row)
            gone = 0 if row is None else connection.execute(theirs_too).rowcount
            for chunk in chunks(keys, _CHUNK):
                of_guest = event.c.person.is_(None), event.c.session.in_(chunk)
                gone += connection.execute(sql_delete(event).where(*of_guest)).rowcount
        count_up(connection, "events", -gone)
        return int(gone)

    def count(self) -> int:
        """How many people there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(person)).scalar_one())


def _sessions_of(connection: Connection, row: int) -> list[str]:
    """Sessions in which somebody was signed in."""
    theirs = event.c.person == row
    if connection.dialect.name == "sqlite":  # its index of people is a table, see schema.py
        theirs = event.c.sequence.in_(select(event_trail.c.sequence).where(event_trail.c.who == row))
    found = select(event.c.session_id).where(theirs, event.c.session_id.is_not(None)).distinct()
    return [name for (name,) in connection.execute(found) if name]


def _delete_transcripts(connection: Connection, whose: ColumnElement[bool]) -> int:
    """What was said to the assistant in such conversations."""
    theirs = select(transcript.c.conversation_id).where(whose)
    drop_handovers(connection, theirs)
    connection.execute(sql_delete(transcript_turn).where(transcript_turn.c.conversation_id.in_(theirs)))
    return int(connection.execute(sql_delete(transcript).where(whose)).rowcount)


def stub_of_person(user_id: str) -> dict[str, Any]:
    """The row of somebody known only because an event mentioned them; but for `user_id` the same for all."""
    return _to_row(Person(user_id=user_id, stub=True))


def _to_row(one: Person) -> dict[str, Any]:
    try:
        # ASCII JSON: any text comes back exactly as it was, also what PostgreSQL does not take in a text column.
        fields = json.dumps(dict(one.fields), ensure_ascii=True, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise StoreError(f"person {one.user_id!r}: fields must be texts or numbers ({error})") from error
    return {
        "user_id": one.user_id,
        "stub": one.stub,
        "content": key_of_text(f"{int(one.stub)}{fields}"),
        "fields": fields,
    }


def _from_row(user_id: str, fields: str, stub: bool) -> Person:
    return Person(user_id=user_id, fields=json.loads(fields), stub=stub)
