"""The log of what recommendations showed, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import select

from shoplens.domain.events import EVENT_BY_CODE
from shoplens.store.base import ImpressionRecord, ImpressionResponse
from shoplens.store.database import Database, chunks
from shoplens.store.schema import event, impression, product
from shoplens.store.sql_answers import CHUNK, MOST_SHOWN, SqlAnswerLog, short, storable, storable_or_none


class SqlImpressionLog(SqlAnswerLog[ImpressionRecord]):
    """Answers of recommendations."""

    table = impression

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        told = (event.c.event_type, event.c.timestamp, event.c.value, event.c.quantity)
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
                    ImpressionResponse(name, item_id, EVENT_BY_CODE[kind], timestamp, value, quantity)
                    for name, item_id, kind, timestamp, value, quantity in rows
                ]
        return found

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
        )
