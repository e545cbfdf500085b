"""A whole store as lines of JSON, table by table, and back into an empty one.

What SQLite gave may go to PostgreSQL, and the other way round; what an older Shoplens gave is brought to the newest
schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection, MetaData, Table, func, select, text

from shoplens.errors import ConflictError, FormatError
from shoplens.store.database import Database, chunks
from shoplens.store.migrate import migrate
from shoplens.store.schema import REVISION, SQLITE_TABLES, metadata
from shoplens.store.sqlite_log import index_events

CHUNK = 2_000  # rows read and written together
SEEDED = "counter"  # the table that a new database has rows in

Lines: TypeAlias = Iterable[bytes]


class Dump:
    """What a store held at one moment."""

    revision = REVISION

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.tables = tuple(str(table.name) for table in metadata.sorted_tables if table.name not in SQLITE_TABLES)

    def lines(self, name: str) -> Iterator[bytes]:
        """The names of a table's columns, then one array a row."""
        table = metadata.tables[name]
        yield orjson.dumps([column.name for column in table.columns]) + b"\n"
        found = self._connection.execution_options(yield_per=CHUNK).execute(
            select(table).order_by(*table.primary_key.columns)
        )
        for block in found.partitions(CHUNK):
            yield b"".join(orjson.dumps(list(row)) + b"\n" for row in block)

    def last_rows(self) -> dict[str, int]:
        """The largest row number that each table ever gave, also to what was deleted since: none is given twice."""
        return {name: self._last_row(metadata.tables[name]) for name in self.tables if _numbered(metadata.tables[name])}

    def _last_row(self, table: Table) -> int:
        if self._connection.dialect.name == "sqlite":
            given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
            return int(self._connection.execute(given, {"name": table.name}).scalar() or 0)
        sequence = self._connection.execute(_sequence_of(table)).scalar()
        last, called = self._connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608
        return int(last) if called else 0


@contextmanager
def dumping(url: str) -> Iterator[Dump]:
    """The store at this moment, for as long as the block takes; others go on reading and writing."""
    database = Database(url)
    try:
        migrate(database)
        with database.reading(still=True) as connection:
            yield Dump(connection)
    finally:
        database.close()


def load(url: str, tables: Mapping[str, Lines], *, revision: str, last_rows: Mapping[str, int]) -> int:
    """Put what `Dump` gave into an empty database, all or nothing. Returns how many rows there were.

    ConflictError when the database holds something, FormatError when the lines are not what they should be, StoreError
    when they come from a newer Shoplens.
    """
    database = Database(url)
    try:
        migrate(database, revision)
        with database.writing() as connection:
            known = MetaData()
            known.reflect(connection)
            for table in known.tables.values():
                if table.name not in (SEEDED, "alembic_version") and _any(connection, table):
                    raise ConflictError("the database is not empty; restore into a new one")
            stored = 0
            for name, lines in tables.items():
                if name not in known.tables or name in SQLITE_TABLES or name == "alembic_version":
                    raise FormatError(f"there is no table {name!r} in a shop")
                connection.execute(known.tables[name].delete())
                stored += _fill(connection, known.tables[name], lines)
            if database.sqlite:
                index_events(connection)
            for name, last in last_rows.items():
                if name in metadata.tables and _numbered(metadata.tables[name]) and last > 0:
                    _go_on_after(connection, metadata.tables[name], last)
        migrate(database)
        return stored
    finally:
        database.close()


def _fill(connection: Connection, table: Table, lines: Lines) -> int:
    rows = iter(lines)
    stored = 0
    try:
        columns = orjson.loads(next(rows, b""))
        if not isinstance(columns, list) or not set(columns) <= set(table.columns.keys()):
            raise FormatError(f"{table.name}: its first line does not name columns of this table")
        for block in chunks(rows, CHUNK):
            given = [dict(zip(columns, orjson.loads(line), strict=True)) for line in block]
            connection.execute(table.insert(), given)
            stored += len(given)
    except (ValueError, TypeError) as error:
        raise FormatError(f"{table.name}: a line cannot be read: {error}") from error
    return stored


def _any(connection: Connection, table: Table) -> bool:
    return (
        connection.execute(select(func.count()).select_from(select(1).select_from(table).limit(1).subquery())).scalar()
        == 1
    )


def _numbered(table: Table) -> bool:
    """Whether the database gives out the table's row numbers."""
    return table.autoincrement_column is not None


def _sequence_of(table: Table) -> Any:
    assert table.autoincrement_column is not None
    return select(func.pg_get_serial_sequence(table.name, table.autoincrement_column.name))


def _go_on_after(connection: Connection, table: Table, last: int) -> None:
    if connection.dialect.name == "sqlite":
        name = {"name": table.name}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), name)
        connection.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), {**name, "last": last}
        )
    else:
        connection.execute(select(func.setval(_sequence_of(table).scalar_subquery(), last)))
