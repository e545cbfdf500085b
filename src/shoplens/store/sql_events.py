"""The event log in the database: what SQLite and PostgreSQL share. How rows get in: sqlite_log, postgres_log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import compress
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from shoplens.domain.events import (
    EVENT_BY_CODE,
    EVENT_CODES,
    Event,
    EventBatch,
    EventColumns,
    EventType,
    MoneyColumns,
    key_of_text,
)
from shoplens.store.database import Database, count_up, counters, settle
from shoplens.store.identities import Identities
from shoplens.store.records import ActedOn, Appended, Checkpoint
from shoplens.store.schema import event

# Columns of a batch in the order in which they are stored, after sequence, person, product and session.
STORED = tuple(column.name for column in fields(EventBatch) if column.name not in ("user_id", "item_id"))

# What `scan` reads. A missing value leaves the database as infinity, which no value is: numpy takes plain numbers much
# faster than None.
_SCAN_TYPE = np.dtype(
    [
        ("sequence", "i8"),
        ("person", "i8"),
        ("session", "i8"),
        ("product", "i8"),
        ("event_type", "i2"),
        ("timestamp", "i8"),
        ("value", "f8"),
    ]
)
_MONEY_TYPE = np.dtype([*_SCAN_TYPE.descr, ("quantity", "f8"), ("price", "f8"), ("currency", "S3")])
_END_OF_TIME = 2**63 - 1

# What `history` reads of event e and product i. Whose events they are is known already.
_DETAILS = """e.session_id, i.item_id, e.value, e.quantity, e.price, e.currency, e.impression_id, e.position, e.query,
e.context"""
_JOINED = """JOIN event e ON e.sequence = t.sequence LEFT JOIN product i ON i."row" = e.product"""


@dataclass(frozen=True, slots=True)
class NewRows:
    """Columns to be stored, all of one length, in the order of `names`."""

    sequence: range
    columns: tuple[Sequence[Any], ...]
    names: tuple[str, ...] = ("sequence", "person", "product", "session", *STORED)


class SqlEventLog(ABC):
    """Append-only log of events; deleted only to forget a person."""

    mark: str  # placeholder of the driver
    missing: str  # infinity, as this database writes it

    def __init__(self, database: Database) -> None:
        self._database = database
        self._identities = Identities(database)
        mark = self.mark
        scanned = f"""
            SELECT sequence, coalesce(person, -1), coalesce(session, 0), coalesce(product, -1), event_type, timestamp,
                   coalesce(value, {self.missing})"""
        money = f", coalesce(quantity, {self.missing}), coalesce(price, {self.missing}), coalesce(currency, '')"
        page = f"""
            FROM event WHERE sequence > {mark} AND sequence <= {mark} AND timestamp < {mark}
            ORDER BY sequence LIMIT {mark}"""  # constants only, here and below
        self._scan, self._scan_money = scanned + page, scanned + money + page
        self._acted_on = f"""
            SELECT e.sequence, i.item_id, e.event_type, e.timestamp, e.value
            FROM event e JOIN product i ON i."row" = e.product
            WHERE e.sequence > {mark} AND e.sequence <= {mark} ORDER BY e.sequence LIMIT {mark}"""  # noqa: S608
        order = "ORDER BY t.timestamp DESC, t.sequence DESC"
        self._history_of_person = (
            f"SELECT e.event_type, e.timestamp, CAST({mark} AS TEXT), {_DETAILS} "  # noqa: S608
            f"FROM ({self.person_trail}) t {_JOINED} {order}"
        )
        self._history_of_guest = (
            f"SELECT e.event_type, e.timestamp, NULL, {_DETAILS} FROM ({self.guest_trail}) t {_JOINED} "  # noqa: S608
            f"WHERE e.session_id = {mark} AND e.person IS NULL {order}"
        )

    @property
    @abstractmethod
    def person_trail(self) -> str:
        """Query for timestamp and sequence of somebody's latest events before a time; binds user_id, time and limit."""

    @property
    @abstractmethod
    def guest_trail(self) -> str:
        """The same for a guest's session; binds `session_key(session_id)`, time and limit."""

    @abstractmethod
    def session_key(self, session_id: str) -> int:
        """What `guest_trail` finds a session by."""

    @abstractmethod
    def claim(self, connection: Connection, keys: list[int]) -> set[int]:
        """Take the keys that are not in the log yet; returns them."""

    @abstractmethod
    def insert(self, connection: Connection, rows: NewRows) -> None:
        """Store new rows, whose keys were claimed."""

    def append(self, batch: EventBatch, checkpoint: Checkpoint | None = None) -> Appended:
        """Store a batch in one transaction; when this returns, the rows survive `kill -9`."""
        with self._database.writing() as connection:
            now = counters(connection)
            self._identities.begin(now["forgotten"])
            duplicates = _repeated(batch.key, self.claim(connection, batch.key))
            kept = _without(batch, duplicates) if duplicates else batch
            people, new_people = self._identities.people(connection, kept.user_id)
            products, new_products = self._identities.products(connection, kept.item_id)
            sequence = range(now["sequence"] + 1, now["sequence"] + 1 + len(kept))
            if kept.key:
                rest = (getattr(kept, name) for name in STORED)
                self.insert(connection, NewRows(sequence, (sequence, people, products, _sessions(kept), *rest)))
                count_up(connection, "sequence", len(kept))
                count_up(connection, "events", len(kept))
                count_up(connection, "catalogue", int(new_products > 0))
            settle(self._database, connection, checkpoint)
        self._identities.keep()
        return Appended(len(kept), tuple(duplicates), new_products, new_people, sequence)

    def scan(
        self, after: int = 0, before_time: int | None = None, size: int = 200_000, *, money: bool = False
    ) -> Iterator[EventColumns]:
        """All events in order of arrival, in chunks of `size`; those at `before_time` (microseconds) or later are left
        out. Events that arrive during the scan are not part of it. Each chunk is its own short read transaction.
        `money`: prices and quantities are read too."""
        with self._database.reading() as connection:
            last = counters(connection)["sequence"]
        before = _END_OF_TIME if before_time is None else before_time
        while after < last:
            with self._database.raw() as driver:
                cursor = driver.cursor()
                cursor.execute(self._scan_money if money else self._scan, (after, last, before, size))
                found: Any = np.fromiter(cursor, _MONEY_TYPE if money else _SCAN_TYPE)
                cursor.close()
            if not len(found):
                return
            yield _columns(found)
            after = int(found["sequence"][-1])

    def acted_on(self, after: int = 0, size: int = 50_000) -> Iterator[ActedOn]:
        """Events with a product that arrived after `after`, in chunks of `size`; at least one chunk, which may be
        empty, when anything arrived. Each chunk is its own short read transaction."""
        last = self.last()
        while after < last:
            with self._database.raw() as driver:
                cursor = driver.cursor()
                found = cursor.execute(self._acted_on, (after, last, size)).fetchall()
                cursor.close()
            after = found[-1][0] if len(found) == size else last
            sequence, item_id, event_type, timestamp, value = zip(*found, strict=True) if found else ((),) * 5
            yield ActedOn(sequence, item_id, event_type, timestamp, value, after)

    def history(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        limit: int = 200,
        before: int | None = None,
    ) -> list[Event]:
        """The latest `limit` events of a person, or of a guest's session, oldest first, of those before a time
        (microseconds) when one is given. Unknown: an empty list.

        With both, the person's events and what the session did while it was a guest's.
        """
        rows: list[tuple[Any, ...]] = []
        end = _END_OF_TIME if before is None else before
        with self._database.raw() as driver:
            cursor = driver.cursor()
            if user_id is not None:
                rows = cursor.execute(self._history_of_person, (user_id, user_id, end, limit)).fetchall()
            if session_id is not None:
                asked = (self.session_key(session_id), end, limit, session_id)
                rows = [*rows, *cursor.execute(self._history_of_guest, asked).fetchall()]
            cursor.close()
        if user_id is not None and session_id is not None:
            rows.sort(key=lambda row: row[1], reverse=True)
            del rows[limit:]
        return [_event(row) for row in reversed(rows)]

    def last(self) -> int:
        """Place of the newest event in the order of arrival; 0 before the first."""
        with self._database.reading() as connection:
            return counters(connection)["sequence"]

    def count(self, event_type: EventType | None = None) -> int:
        """See `base.Events`."""
        with self._database.reading() as connection:
            if event_type is None:
                return counters(connection)["events"]
            wanted = select(func.count()).select_from(event).where(event.c.event_type == EVENT_CODES[event_type])
            return int(connection.execute(wanted).scalar_one())


def _repeated(keys: list[int], new: set[int]) -> list[int]:
    """Positions whose key is not new, or was met earlier in the batch."""
    if len(new) == len(keys):
        return []
    left = set(new)
    repeated = []
    for position, key in enumerate(keys):
        if key in left:
            left.discard(key)
        else:
            repeated.append(position)
    return repeated


def _without(batch: EventBatch, positions: list[int]) -> EventBatch:
    keep = np.ones(len(batch), np.bool_)
    keep[positions] = False
    chosen = keep.tolist()
    return EventBatch(*(list(compress(getattr(batch, column.name), chosen)) for column in fields(batch)))


def _sessions(batch: EventBatch) -> list[int | None]:
    """Session number of guests' events, None for all others."""
    if not any(batch.session_id):
        return [None] * len(batch)
    number = cache(key_of_text)  # a session has several events, mostly in one batch
    return [
        number(session) if session and not user else None
        for user, session in zip(batch.user_id, batch.session_id, strict=True)
    ]


def _columns(found: Any) -> EventColumns:
    whole = {name: np.ascontiguousarray(found[name]) for name in _SCAN_TYPE.names or () if name != "value"}
    money = None
    if "price" in found.dtype.names:
        currency = np.ascontiguousarray(found["currency"])
        money = MoneyColumns(_numbers(found["quantity"]), _numbers(found["price"]), currency)
    return EventColumns(**whole, value=_numbers(found["value"]), money=money)


def _numbers(column: Any) -> Any:
    """Infinity, which stands for a missing value, as NaN. float32"""
    column[np.abs(column) > np.finfo(np.float32).max] = np.nan
    return column.astype(np.float32)


def _event(row: tuple[Any, ...]) -> Event:
    return Event(
        event_type=EVENT_BY_CODE[row[0]],
        timestamp=row[1],
        user_id=row[2],
        session_id=row[3],
        item_id=row[4],
        value=row[5],
        quantity=row[6],
        price=row[7],
        currency=row[8],
        impression_id=row[9],
        position=row[10],
        query=row[11],
        context=row[12],
    )
