"""The log of what recommendations showed, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import select

from shoplens.domain.events import EVENT_BY_CODE
from shoplens.store.database import Database, chunks
from shoplens.store.records import ImpressionRecord, ImpressionResponse
from shoplens.store.schema import event, impression, product
from shoplens.store.sql_answers import CHUNK, MOST_SHOWN, SqlAnswerLog, short, storable, storable_or_none


class SqlImpressionLog(SqlAnswerLog[ImpressionRecord]):
    """Answers of recommendations."""

    table = impression

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        told = (event.c.event_type, event.c.timestamp, event.c.value, event.c.quantity, event.c.price)
        self._responses = (
            select(event.c.impression_id, product.c.item_id, *told)
            .select_from(event.join(product, product.c.row == event.c.product))
            .where(database.among(event.c.impression_id, "ids"))
            .order_by(event.c.sequence)
        )

    def responses(self, impression_ids: Sequence[str]) -> list[ImpressionResponse]:
        """What people did with what these impressions showed, in order of arrival."""
        found: list[ImpressionResponse] = []
        with self._database.reading() as connection:
            for chunk in chunks(impression_ids, CHUNK):
                rows = connection.execute(self._responses, {"ids": self._database.many(chunk)})
                found += [
                    ImpressionResponse(name, item_id, EVENT_BY_CODE[kind], timestamp, value, quantity, price)
                    for name, item_id, kind, timestamp, value, quantity, price in rows
                ]
        return found

    def latest(
        self, *, user_id: str | None = None, session_id: str | None = None, since: int = 0, limit: int = 100
    ) -> list[ImpressionRecord]:
        """The latest answers to a person and to a session that were stored, newest first, since a time
        (microseconds)."""
        found: list[Any] = []
        with self._database.reading() as connection:
            for column, name in ((impression.c.user_id, user_id), (impression.c.session_id, session_id)):
                if name is not None:
                    asked = select(impression).where(column == storable(name), impression.c.timestamp >= since)
                    found += connection.execute(asked.order_by(impression.c.sequence.desc()).limit(limit)).all()
        rows = {row.sequence: row for row in found}
        return [self._from_row(rows[number]) for number in sorted(rows, reverse=True)[:limit]]

    def _to_row(self, one: ImpressionRecord) -> dict[str, Any]:
        return {
            "impression_id": one.impression_id,
            "timestamp": one.timestamp,
            "route": one.route,
            "scenario": storable(one.scenario),
            "user_id": storable_or_none(one.user_id),
            "session_id": storable_or_none(one.session_id),
            "shown": orjson.dumps([storable(item_id) for item_id in one.shown[:MOST_SHOWN]]).decode(),
            "propensities": orjson.dumps([short(value) for value in one.propensities[:MOST_SHOWN]]).decode(),
            "model": one.model,
            "bundle": one.bundle,
            "fallback": one.fallback,
            "arms": orjson.dumps(dict(one.arms)).decode(),
            "wish": None if one.wish is None else storable(orjson.dumps(dict(one.wish)).decode()),
            "score": one.score,
        }

    def _from_row(self, row: Any) -> ImpressionRecord:
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
            wish=None if row.wish is None else orjson.loads(row.wish),
            score=row.score,
        )
