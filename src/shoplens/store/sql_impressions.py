"""The log of what recommendations showed, in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, delete, func, select

from shoplens.domain.events import EVENT_BY_CODE
from shoplens.store.base import ImpressionRecord, ImpressionResponse
from shoplens.store.database import Database, chunks
from shoplens.store.schema import event, impression, product

MOST_SHOWN = 1_000  # products of one answer
_CHUNK = 5_000  # rows a statement


class SqlImpressionLog:
    """Impressions by `impression_id`, in order of arrival."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = select(impression.c.impression_id).where(database.among(impression.c.impression_id, "ids"))
        self._responses = (
            select(
                event.c.impression_id,
                product.c.item_id,
                event.c.event_type,
                event.c.timestamp,
                event.c.value,
                event.c.quantity,
            )
            .select_from(event.join(product, product.c.row == event.c.product))
            .where(database.among(event.c.impression_id, "ids"))
            .order_by(event.c.sequence)
        )

    def append(self, records: Sequence[ImpressionRecord]) -> int:
        """Store records, in one transaction; those whose `impression_id` is known are left out. Returns how many are
        new."""
        rows = {row["impression_id"]: row for row in map(_to_row, reversed(records))}  # named twice: the first counts
        added = 0
        with self._database.writing() as connection:
            for chunk in chunks(reversed(rows), _CHUNK):
                known = set(connection.execute(self._known, {"ids": self._database.many(chunk)}).scalars())
                new = [rows[name] for name in chunk if name not in known]
                if new:
                    connection.execute(impression.insert(), new)
                added += len(new)
        return added

    def scan(
        self, after: int = 0, *, since: int = 0, before: int | None = None, size: int = 2_000
    ) -> Iterator[list[tuple[int, ImpressionRecord]]]:
        """Number and record in order of arrival, numbers above `after`, times in [since, before) microseconds. Each
        chunk is its own short transaction."""
        page = select(impression).where(_within(since, before)).order_by(impression.c.sequence).limit(size)
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page.where(impression.c.sequence > after)).all()
            if not found:
                return
            yield [(row.sequence, _from_row(row)) for row in found]
            after = found[-1].sequence

    def responses(self, impression_ids: Sequence[str]) -> list[ImpressionResponse]:
        """What people did with what these impressions showed, in order of arrival."""
        found: list[ImpressionResponse] = []
        with self._database.reading() as connection:
            for chunk in chunks(impression_ids, _CHUNK):
                rows = connection.execute(self._responses, {"ids": self._database.many(chunk)})
                found += [
                    ImpressionResponse(name, item_id, EVENT_BY_CODE[kind], timestamp, value, quantity)
                    for name, item_id, kind, timestamp, value, quantity in rows
                ]
        return found

    def prune(self, before: int) -> int:
        """Forget impressions before a time (microseconds), a few at a time so that nobody waits long. Returns how many
        went."""
        some = select(impression.c.sequence).where(impression.c.timestamp < before).limit(_CHUNK)
        gone = 0
        while True:
            with self._database.writing() as connection:
                went = connection.execute(delete(impression).where(impression.c.sequence.in_(some))).rowcount
            gone += went
            if went < _CHUNK:
                return gone

    def count(self) -> int:
        """How many impressions there are."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(impression)).scalar_one())


def _within(since: int, before: int | None) -> ColumnElement[bool]:
    """Impressions at times in [since, before)."""
    after = impression.c.timestamp >= since
    return after if before is None else and_(after, impression.c.timestamp < before)


def _to_row(one: ImpressionRecord) -> dict[str, Any]:
    return {
        "impression_id": one.impression_id,
        "timestamp": one.timestamp,
        "route": one.route,
        "scenario": one.scenario,
        "user_id": one.user_id,
        "session_id": one.session_id,
        "shown": orjson.dumps(one.shown[:MOST_SHOWN]).decode(),
        "propensities": orjson.dumps([float(f"{value:.6g}") for value in one.propensities[:MOST_SHOWN]]).decode(),
        "model": one.model,
        "bundle": one.bundle,
        "fallback": one.fallback,
        "arms": orjson.dumps(dict(one.arms)).decode(),
    }


def _from_row(row: Any) -> ImpressionRecord:
    return ImpressionRecord(
        impression_id=row.impression_id,
        timestamp=row.timestamp,
        route=row.route,
        scenario=row.scenario,
        user_id=row.user_id,
        session_id=row.session_id,
        shown=tuple(orjson.loads(row.shown)),
        propensities=tuple(orjson.loads(row.propensities)),
        model=row.model,
        bundle=row.bundle,
        fallback=row.fallback,
        arms=orjson.loads(row.arms),
    )
