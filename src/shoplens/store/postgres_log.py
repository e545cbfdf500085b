"""The event log in PostgreSQL. Rows go in through COPY; the writer's lock makes the look-up of keys before it exact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from shoplens.domain.events import key_of_text
from shoplens.store.sql_events import NewRows, SqlEventLog


class PostgresEventLog(SqlEventLog):
    """Events in one table with ordinary indexes."""

    mark = "%s"
    missing = "'Infinity'::float8"

    @property
    def person_trail(self) -> str:
        """Time and sequence of somebody's latest events."""
        return (
            'SELECT x.timestamp, x.sequence FROM person q JOIN event x ON x.person = q."row" WHERE q.user_id = %s '
            "AND x.timestamp < %s ORDER BY x.timestamp DESC, x.sequence DESC LIMIT %s"
        )

    @property
    def guest_trail(self) -> str:
        """The same for a guest's session."""
        return (
            "SELECT timestamp, sequence FROM event WHERE session = %s AND timestamp < %s "
            "ORDER BY timestamp DESC, sequence DESC LIMIT %s"
        )

    def session_key(self, session_id: str) -> int:
        """The session's number."""
        return key_of_text(session_id)

    def claim(self, connection: Connection, keys: list[int]) -> set[int]:
        """The keys that are not in the log yet; while we hold the writer's lock nobody else can take them."""
        with _driver(connection).cursor() as cursor:
            cursor.execute("SELECT key FROM event WHERE key = ANY(%s::bigint[])", (keys,))
            return set(keys).difference(key for (key,) in cursor)

    def insert(self, connection: Connection, rows: NewRows) -> None:
        """Store new rows."""
        columns = ", ".join(rows.names)
        with (
            _driver(connection).cursor() as cursor,
            cursor.copy(f"COPY event ({columns}) FROM STDIN") as copy,
        ):
            write = copy.write_row
            for row in zip(*rows.columns, strict=True):
                write(row)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
