"""Who was forgotten, written so that it can be proven and nobody can be read from it.

A record names a person by scrypt (RFC 7914) of their id with a salt of its own: whoever asks "was ann forgotten?" gets
an answer, whoever holds the database and tries ids has to pay some 30 ms of work and 16 MB for each try and record.
Records are chained: each digest covers the record and the digest before it, so that none can be altered or taken out
of the middle unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import orjson
from sqlalchemy import Connection, func, insert, select

from shoplens.store.database import Database
from shoplens.store.records import Erasure
from shoplens.store.schema import erasure

_COST, _BLOCK = 2**14, 8  # scrypt's N and r: 16 MB
CLOCKS = 250_000  # microseconds by which the clocks of two machines may differ


class _Noted(Protocol):
    """What somebody asked or was shown, and when (microseconds)."""

    @property
    def timestamp(self) -> int: ...

    @property
    def user_id(self) -> str | None: ...

    @property
    def session_id(self) -> str | None: ...


Noted = TypeVar("Noted", bound=_Noted)


class SqlErasureLog:
    """Erasures in the database; `record` is the only writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scan(self) -> Iterator[Erasure]:
        """All records, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(erasure).order_by(erasure.c.sequence)).all()
        for row in rows:
            yield _from_row(row)

    def last(self) -> int:
        """Number of the latest record, 0 before the first."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.max(erasure.c.sequence))).scalar() or 0)


class Unforgotten(Generic[Noted]):
    """Records on their way into a log, less those of people who were forgotten after they were noted.

    A record of the erasure says neither the id nor the sessions of whom it is about: ids are compared the slow way,
    and what guests did before the erasure is left out, all of it, since each might have signed in as that person.
    Call `look` before the transaction that writes, where it may take its time, and in it for whoever came meanwhile.
    """

    def __init__(self, records: Sequence[Noted]) -> None:
        self.records = list(records)
        self._since = min((one.timestamp for one in self.records), default=0) - CLOCKS
        self._seen = 0  # number of the latest erasure that was looked at

    def look(self, connection: Connection) -> None:
        """Leave out what new erasures are about."""
        if not self.records:
            return
        wanted = select(erasure).where(erasure.c.timestamp >= self._since, erasure.c.sequence > self._seen)
        for row in connection.execute(wanted.order_by(erasure.c.sequence)).all():
            self._seen = row.sequence
            told = _from_row(row)
            before = [one for one in self.records if one.timestamp <= told.timestamp + CLOCKS]
            named = set() if told.of_guest else {one.user_id for one in before}
            gone = {who for who in named if who is not None and is_about(told, who)}
            left_out = {id(one) for one in before if one.user_id in gone or (not one.user_id and one.session_id)}
            self.records = [one for one in self.records if id(one) not in left_out]


def record(connection: Connection, user_id: str, counts: Mapping[str, int]) -> None:
    """Write that a person was forgotten, in the transaction that does it."""
    latest = connection.execute(
        select(erasure.c.sequence, erasure.c.digest).order_by(erasure.c.sequence.desc()).limit(1)
    ).first()
    sequence, before = (1, "") if latest is None else (latest.sequence + 1, latest.digest)
    told = Erasure(sequence, int(time.time() * 1e6), hash_of(user_id), dict(counts), "")
    connection.execute(
        insert(erasure).values(
            sequence=told.sequence,
            timestamp=told.timestamp,
            who=told.who,
            counts=orjson.dumps(dict(told.counts), option=orjson.OPT_SORT_KEYS).decode(),
            digest=chained(told, before),
        )
    )


def guest(session_id: str) -> str:
    """What a guest's session is called in a record, so that it is nobody's `user_id`."""
    return f"\0{session_id}"


def hash_of(user_id: str) -> str:
    """ "SALT:HASH", hexadecimal."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{_scrypt(user_id, salt).hex()}"


def is_about(one: Erasure, user_id: str) -> bool:
    """Whether a record says that this person was forgotten."""
    salt, _, hashed = one.who.partition(":")
    return hmac.compare_digest(_scrypt(user_id, bytes.fromhex(salt)), bytes.fromhex(hashed))


def first_broken(records: Iterable[Erasure]) -> int | None:
    """Number of the first record that was altered, or stands where another is missing; None when all is well."""
    before = ""
    for place, one in enumerate(records, start=1):
        if one.sequence != place or one.digest != chained(one, before):
            return one.sequence
        before = one.digest
    return None


def chained(one: Erasure, before: str) -> str:
    """SHA-256 of a record and the digest before it."""
    said = [before, one.sequence, one.timestamp, one.who, dict(one.counts)]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _from_row(row: Any) -> Erasure:
    return Erasure(row.sequence, row.timestamp, row.who, orjson.loads(row.counts), row.digest)


def _scrypt(user_id: str, salt: bytes) -> bytes:
    return hashlib.scrypt(user_id.encode("utf-8", "surrogatepass"), salt=salt, n=_COST, r=_BLOCK, p=1, dklen=32)
