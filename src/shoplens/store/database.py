"""Connections and transactions: one writer at a time, readers never wait for it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Text,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError

from shoplens.errors import ConfigurationError, MissingExtraError, StoreUnavailableError
from shoplens.store.faults import shown, translated
from shoplens.store.records import Checkpoint
from shoplens.store.schema import checkpoint, counter

BUSY_SECONDS = 30.0  # how long to wait for another writer; a batch of a bulk import takes about one second
WRITER_LOCK = 0x5A0_91E5  # PostgreSQL advisory lock of whoever writes to a shop; any constant does
PAGE_BYTES = 8_192  # twice SQLite's default: fewer, larger writes in a bulk import
CACHE_KIB = 65_536  # page cache a connection may fill
SPARE = 4  # connections kept at hand for reading: taking one from the pool takes as long as a short statement
WAL_PAGES = 4_000  # SQLite moves the log (32 MB) into the database after so many pages
_WRITES = "shoplens_writes"


class Database:
    """An engine for one URL, with our rules about transactions and errors."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._closed = False
        self._spare: list[Any] = []  # connections for `raw`; a list's append and pop are safe between threads
        self._turn = threading.Lock()  # threads queue here fairly instead of polling the file's lock
        try:
            self.engine = _sqlite_engine(self.url) if self.sqlite else _postgres_engine(self.url)
        except ModuleNotFoundError as error:
            raise MissingExtraError("PostgreSQL", "postgres") from error

    @contextmanager
    def reading(self, *, still: bool = False) -> Iterator[Connection]:
        """A read transaction: sees what was committed before it began, waits for nobody. `still`: all its statements
        see the same moment (in SQLite they always do)."""
        with translated(self.url), self.engine.connect() as connection:
            if still and not self.sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The write transaction. Committed at the end of the block, rolled back when the block raises."""
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            busy = "other imports have been writing for too long"
            raise StoreUnavailableError(f"database {shown(self.url)}: {busy}", told=f"the database: {busy}")
        try:
            with translated(self.url), self.engine.connect() as plain:
                connection = plain.execution_options(**{_WRITES: True})
                with connection.begin():
                    if not self.sqlite:
                        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
                    yield connection
        finally:
            self._turn.release()

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """The driver's own connection, for single reading statements on hot paths."""
        with translated(self.url):
            try:
                pooled = self._spare.pop()
            except IndexError:
                pooled = self.engine.raw_connection()
            try:
                yield pooled.driver_connection
            except BaseException:
                pooled.close()
                raise
            # In SQLite a statement that was read to its end leaves nothing behind that a pool would have to undo.
            if self.sqlite and len(self._spare) < SPARE and not self._closed:
                self._spare.append(pooled)
            else:
                pooled.close()

    def close(self) -> None:
        """Give all connections back."""
        self._closed = True
        while self._spare:
            self._spare.pop().close()
        self.engine.dispose()

    def insert(self, table: Any) -> Any:
        """An INSERT of this dialect, which knows ON CONFLICT."""
        return sqlite_insert(table) if self.sqlite else postgres_insert(table)

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """`column` is one of many texts, bound later as one parameter made by `many`."""
        if self.sqlite:
            return column.in_(select(self.each(name)))
        return column == any_(bindparam(name, type_=ARRAY(Text)))

    def each(self, name: str) -> ColumnElement[str]:
        """A column with one row for each of many texts, bound later as one parameter made by `many`."""
        if self.sqlite:
            texts: ColumnElement[str] = func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value
        else:
            texts = func.unnest(bindparam(name, type_=ARRAY(Text))).column_valued()
        return texts

    def many(self, values: Sequence[str]) -> Any:
        """The parameter for `among` and `each`."""
        return orjson.dumps(values).decode() if self.sqlite else list(values)


def settle(database: Database, connection: Connection, point: Checkpoint | None) -> None:
    """Keep how far an import has come, in the transaction of its rows."""
    if point is None:
        return
    put = database.insert(checkpoint).values(source=point.source, rows=point.rows, finished=point.finished)
    put = put.on_conflict_do_update(
        index_elements=["source"], set_={"rows": put.excluded.rows, "finished": put.excluded.finished}
    )
    connection.execute(put)


# Made once: making a statement takes longer than a small table takes to answer it.
_COUNTERS = select(counter.c.name, counter.c.value)
_COUNT_UP = (
    update(counter).where(counter.c.name == bindparam("counted")).values(value=counter.c.value + bindparam("more"))
)


def counters(connection: Connection) -> dict[str, int]:
    """The table's numbers as of this transaction."""
    return dict(connection.execute(_COUNTERS).all())


def count_up(connection: Connection, name: str, by: int) -> None:
    """Add to one of the numbers."""
    if by:
        connection.execute(_COUNT_UP, {"counted": name, "more": by})


def chunks(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of at most `size`."""
    block: list[Any] = []
    for value in values:
        block.append(value)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def parse_url(url: str) -> URL:
    """A database URL that Shoplens can use; ConfigurationError says what to write instead."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "database_url is not a database URL; write sqlite:///FILE or postgresql://user@host/name"
        ) from error
    backend = parsed.get_backend_name()
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigurationError(f"database_url: {backend!r} is not supported; use sqlite:///FILE or postgresql://…")
    if parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("database_url: SQLite needs a file, for example sqlite:///shop.sqlite")
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url, pool_size=8, max_overflow=56, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so, see below
        for pragma in (
            f"page_size={PAGE_BYTES}",  # matters for a new file only
            "journal_mode=WAL",
            "synchronous=NORMAL",  # a commit survives the death of the process; only loss of power may undo the last
            f"cache_size=-{CACHE_KIB}",
            f"wal_autocheckpoint={WAL_PAGES}",
            f"journal_size_limit={PAGE_BYTES * WAL_PAGES}",
            "temp_store=MEMORY",
            "secure_delete=ON",  # who is forgotten leaves no readable rest in the file
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        hide_parameters=True,  # what people did does not belong into messages
        pool_pre_ping=True,  # a server that was restarted costs one round trip, not an error
        connect_args={"connect_timeout": int(url.query.get("connect_timeout", 10))},  # type: ignore[arg-type]
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {int(BUSY_SECONDS * 1000)}")
        connection.commit()

    return engine
