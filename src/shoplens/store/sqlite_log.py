"""The event log in SQLite. A large batch goes in through the driver: three sorted passes, each page touched once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection

from shoplens.domain.events import key_of_text
from shoplens.store.schema import SIGN_BIT
from shoplens.store.sql_events import NewRows, SqlEventLog

_TRAIL = (
    "INSERT INTO event_trail SELECT coalesce(person, session | ?) AS who, timestamp, sequence FROM event "
    "WHERE sequence >= ? AND who IS NOT NULL ORDER BY who, timestamp, sequence"
)


class SqliteEventLog(SqlEventLog):
    """Events in one table, their keys and the trail of each person in two index tables (see schema.py)."""

    mark = "?"
    missing = "9e999"  # SQLite reads it as infinity

    @property
    def person_trail(self) -> str:
        """Time and sequence of somebody's latest events."""
        return (
            'SELECT x.timestamp, x.sequence FROM person q JOIN event_trail x ON x.who = q."row" WHERE q.user_id = ? '
            "AND x.timestamp < ? ORDER BY x.timestamp DESC, x.sequence DESC LIMIT ?"
        )

    @property
    def guest_trail(self) -> str:
        """The same for a guest's session."""
        return (
            "SELECT timestamp, sequence FROM event_trail WHERE who = ? AND timestamp < ? "
            "ORDER BY timestamp DESC, sequence DESC LIMIT ?"
        )

    def session_key(self, session_id: str) -> int:
        """The session's number with its sign bit set: below zero, where no row of a person is."""
        return key_of_text(session_id) | SIGN_BIT

    def claim(self, connection: Connection, keys: list[int]) -> set[int]:
        """Take the keys that are not in the log yet, in one statement and in the order of the table."""
        ordered = orjson.dumps(np.sort(np.array(keys, np.int64)), option=orjson.OPT_SERIALIZE_NUMPY).decode()
        put = "INSERT OR IGNORE INTO event_key SELECT value FROM json_each(?) WHERE true RETURNING key"
        return {key for (key,) in _driver(connection).execute(put, (ordered,))}

    def insert(self, connection: Connection, rows: NewRows) -> None:
        """Store new rows, then the trail of each person, in the order of the table."""
        driver = _driver(connection)
        used = [(name, column) for name, column in zip(rows.names, rows.columns, strict=True) if _says(column)]
        columns = ", ".join(name for name, _ in used)
        marks = ", ".join("?" * len(used))
        driver.executemany(
            f"INSERT INTO event ({columns}) VALUES ({marks})",  # noqa: S608 names of our own columns
            zip(*(column for _, column in used), strict=True),
        )
        driver.execute(_TRAIL, (SIGN_BIT, rows.sequence.start))


def index_events(connection: Connection) -> None:
    """Fill both index tables for events that were put into an empty log without them."""
    driver = _driver(connection)
    driver.execute("INSERT INTO event_key SELECT key FROM event ORDER BY key")
    driver.execute(_TRAIL, (SIGN_BIT, 0))


def _says(column: Sequence[Any]) -> bool:
    """Whether any value is there; columns that the source does not have cost nothing."""
    return column[0] is not None or column.count(None) < len(column)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
