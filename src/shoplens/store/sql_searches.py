"""The log of searches in the database."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    types,
)

from shoplens.domain.events import EVENT_BY_CODE, EVENT_CODES, EventType
from shoplens.store.records import QueryCount, SearchRecord, SearchResponse
from shoplens.store.schema import event, product, search
from shoplens.store.sql_answers import MOST_SHOWN, SqlAnswerLog, short, storable, storable_or_none

MOST_QUERY = 1_000  # characters of a query that are kept
MOST_FILTERS = 20_000  # characters of a filter; a longer one is left out, because half of it says nothing
_LOOK_BACK = 200  # searches of one person among which the latest different queries are found
_RESPONSES = (  # what says something about a product that was shown; the opposite (refund) says nothing about a search
    EventType.CLICK,
    EventType.VIEW,
    EventType.CART,
    EventType.WISHLIST,
    EventType.SHARE,
    EventType.PURCHASE,
)


class SqlSearchLog(SqlAnswerLog[SearchRecord]):
    """Searches. Their texts are kept to a bounded length."""

    table = search

    def responses(
        self, *, since: int = 0, before: int | None = None, size: int = 2_000
    ) -> Iterator[list[SearchResponse]]:
        """What people did with what was shown by searches at times in [since, before) microseconds, in order of the
        searches; a chunk is the responses to at most `size` of them, and may be empty. Each is its own short
        transaction."""
        page = (
            select(search.c.sequence)
            .where(self._within(since, before), search.c.sequence > bindparam("after"))
            .order_by(search.c.sequence)
            .limit(size)
        )
        wanted = _responses().where(
            self._within(since, before), search.c.sequence > bindparam("after"), search.c.sequence <= bindparam("last")
        )
        after = 0
        while True:
            with self._database.reading() as connection:
                last = connection.execute(select(func.max(page.subquery().c.sequence)), {"after": after}).scalar()
                if last is None:
                    return
                found = connection.execute(wanted, {"after": after, "last": last}).all()
            yield [_response(row) for row in found]
            after = last

    def queries(self, *, since: int = 0, before: int | None = None) -> Iterator[QueryCount]:
        """What was searched for, most askers first: searches here, then those that only the event log tells of.

        Further pages of an answer are not further searches. The event log has no index by kind: it is read as a whole.
        """
        who = func.coalesce(search.c.user_id, search.c.session_id, search.c.impression_id)
        ours = (
            _counted(search.c.query, who, func.sum(case((search.c.total == 0, 1), else_=0)))
            .where(self._within(since, before), search.c.first == 1, search.c.query != "")
            .group_by(search.c.query)
        )
        stranger = cast(event.c.sequence, types.Text)
        who = func.coalesce(cast(event.c.person, types.Text), event.c.session_id, literal("event ").concat(stranger))
        times = [event.c.timestamp >= since, *([event.c.timestamp < before] if before is not None else [])]
        logged = exists().where(search.c.impression_id == event.c.impression_id)
        theirs = (
            _counted(event.c.query, who, None)
            .where(event.c.event_type == EVENT_CODES[EventType.SEARCH], event.c.query != "", *times)
            .where(or_(event.c.impression_id.is_(None), ~logged))
            .group_by(event.c.query)
        )
        for wanted in (ours, theirs):
            with self._database.reading() as connection:
                found = connection.execute(wanted).all()
            for query, searches, askers, empty in found:
                yield QueryCount(query, int(searches), int(askers), None if empty is None else int(empty))

    def recent(self, *, user_id: str | None = None, session_id: str | None = None, limit: int = 20) -> list[str]:
        """The latest different queries of a person, or of a session, newest first; those that found something."""
        found: list[tuple[int, str]] = []
        with self._database.reading() as connection:
            for column, value in ((search.c.user_id, user_id), (search.c.session_id, session_id)):
                if value is None:
                    continue
                latest = (
                    select(search.c.sequence, search.c.query, search.c.total)
                    .where(column == value)
                    .order_by(search.c.sequence.desc())
                    .limit(_LOOK_BACK)
                )
                found += [(row.sequence, row.query) for row in connection.execute(latest) if row.total and row.query]
        return list(dict.fromkeys(query for _, query in sorted(found, reverse=True)))[:limit]

    def _to_row(self, one: SearchRecord) -> dict[str, Any]:
        shown = one.shown[:MOST_SHOWN]
        features = {
            storable(name): [short(value) for value in values[: len(shown)]] for name, values in one.features.items()
        }
        filters = storable(one.filters)
        return {
            "impression_id": storable(one.impression_id),
            "timestamp": one.timestamp,
            "user_id": storable_or_none(one.user_id),
            "session_id": storable_or_none(one.session_id),
            "query": storable(one.query[:MOST_QUERY]),
            "language": storable(one.language),
            "total": one.total,
            "first": one.first,
            "shown": orjson.dumps([storable(item_id) for item_id in shown]).decode(),
            "features": orjson.dumps(features).decode(),
            "filters": filters if len(filters) <= MOST_FILTERS else "",
        }

    def _from_row(self, row: Any) -> SearchRecord:
        features = {
            name: tuple(math.nan if value is None else value for value in values)
            for name, values in orjson.loads(row.features).items()
        }
        return SearchRecord(
            impression_id=row.impression_id,
            timestamp=row.timestamp,
            query=row.query,
            user_id=row.user_id,
            session_id=row.session_id,
            language=row.language,
            total=row.total,
            shown=tuple(orjson.loads(row.shown)),
            first=row.first,
            features=features,
            filters=row.filters,
        )


def _counted(query: Any, who: ColumnElement[Any], empty: ColumnElement[Any] | None) -> Select[Any]:
    """Query, searches, different askers, searches without result; most askers first."""
    askers = func.count(who.distinct())
    nobody_knows = cast(None, types.Integer)
    columns = select(query, func.count(), askers, empty if empty is not None else nobody_knows)
    return columns.order_by(askers.desc(), func.count().desc(), query)


def _responses() -> Select[Any]:
    """Events with the searches that they quote."""
    joined = search.join(event, event.c.impression_id == search.c.impression_id).join(
        product, product.c.row == event.c.product
    )
    columns = (
        search.c.impression_id,
        search.c.query,
        search.c.shown,
        search.c.first,
        product.c.item_id,
        event.c.event_type,
        event.c.timestamp,
        event.c.position,
    )
    codes = [EVENT_CODES[kind] for kind in _RESPONSES]
    return (
        select(*columns)
        .select_from(joined)
        .where(event.c.event_type.in_(codes))
        .order_by(search.c.sequence, event.c.sequence)
    )


def _response(row: Any) -> SearchResponse:
    shown = orjson.loads(row.shown)
    position = row.first + shown.index(row.item_id) if row.item_id in shown else row.position
    kind = EVENT_BY_CODE[row.event_type]
    return SearchResponse(row.impression_id, row.query, row.item_id, kind, row.timestamp, position)
