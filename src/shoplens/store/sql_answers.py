"""What searches and recommendations share as logs in the database: answers by `impression_id`, in order of arrival."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic

from sqlalchemy import ColumnElement, Table, and_, delete, func, select

from shoplens.store.database import Database, chunks
from shoplens.store.erasures import Noted, Unforgotten

CHUNK = 5_000  # rows a statement
MOST_SHOWN = 1_000  # products of one answer


class SqlAnswerLog(ABC, Generic[Noted]):
    """A log in a table with the columns sequence, impression_id and timestamp. Subclasses say what a row is."""

    table: Table

    def __init__(self, database: Database) -> None:
        self._database = database
        name = self.table.c.impression_id
        self._known = select(name).where(database.among(name, "ids"))

    def append(self, records: Sequence[Noted]) -> int:
        """Store records, in one transaction; those whose `impression_id` is known are left out, and those of people
        who were forgotten meanwhile. Returns how many are new. Texts are kept without what a database cannot store."""
        left = Unforgotten(records)
        with self._database.reading() as connection:
            left.look(connection)
        added = 0
        with self._database.writing() as connection:  # who forgets somebody waits for us, or we for them
            left.look(connection)
            # Named twice: the first counts.
            rows = {row["impression_id"]: row for row in map(self._to_row, reversed(left.records))}
            for chunk in chunks(reversed(rows), CHUNK):
                known = set(connection.execute(self._known, {"ids": self._database.many(chunk)}).scalars())
                new = [rows[name] for name in chunk if name not in known]
                if new:
                    connection.execute(self.table.insert(), new)
                added += len(new)
        return added

    def scan(
        self, after: int = 0, *, since: int = 0, before: int | None = None, size: int = 2_000
    ) -> Iterator[list[tuple[int, Noted]]]:
        """Number and record in order of arrival, numbers above `after`, times in [since, before) microseconds. Each
        chunk is its own short transaction."""
        number = self.table.c.sequence
        page = select(self.table).where(self._within(since, before)).order_by(number).limit(size)
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page.where(number > after)).all()
            if not found:
                return
            yield [(row.sequence, self._from_row(row)) for row in found]
            after = found[-1].sequence

    def of_person(self, user_id: str) -> list[Noted]:
        """All records of somebody, oldest first."""
        wanted = select(self.table).where(self.table.c.user_id == storable(user_id)).order_by(self.table.c.sequence)
        with self._database.reading() as connection:
            return [self._from_row(row) for row in connection.execute(wanted)]

    def of_guest(self, session_id: str) -> list[Noted]:
        """All records of a session in which nobody was known, oldest first."""
        table = self.table.c
        theirs = table.session_id == storable(session_id), table.user_id.is_(None)
        with self._database.reading() as connection:
            found = connection.execute(select(self.table).where(*theirs).order_by(table.sequence))
            return [self._from_row(row) for row in found]

    def prune(self, before: int) -> int:
        """Forget records before a time (microseconds), a few at a time so that nobody waits long. Returns how many
        went."""
        number = self.table.c.sequence
        some = select(number).where(self.table.c.timestamp < before).limit(CHUNK)
        gone = 0
        while True:
            with self._database.writing() as connection:
                went = connection.execute(delete(self.table).where(number.in_(some))).rowcount
            gone += went
            if went < CHUNK:
                return gone

    def count(self) -> int:
        """How many records there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(self.table)).scalar_one())

    def _within(self, since: int, before: int | None) -> ColumnElement[bool]:
        """Records at times in [since, before)."""
        time = self.table.c.timestamp
        return time >= since if before is None else and_(time >= since, time < before)

    @abstractmethod
    def _to_row(self, record: Noted) -> dict[str, Any]: ...

    @abstractmethod
    def _from_row(self, row: Any) -> Noted: ...


def storable(text: str) -> str:
    """Without zero characters and halves of surrogate pairs: shoppers can type anything, databases take less."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def storable_or_none(text: str | None) -> str | None:
    """The same where there may be no text."""
    return None if text is None else storable(text)


def short(value: float) -> float:
    """Six digits are enough to learn from. NaN becomes null in JSON, and comes back as NaN."""
    return float(f"{value:.6g}")
