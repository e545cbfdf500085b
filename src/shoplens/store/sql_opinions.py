"""Opinions in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Select, delete, func, select, update

from shoplens.domain.events import EVENT_CODES, EventType
from shoplens.domain.opinions import ALL, Count
from shoplens.store.database import Database, chunks
from shoplens.store.opinion_rows import alert_of_row, post_of_row
from shoplens.store.opinion_schema import opinion, opinion_alert, opinion_count
from shoplens.store.opinions import AlertRecord, PostRecord, Review, WindowCount
from shoplens.store.schema import event, person, product
from shoplens.store.sql_answers import storable
from shoplens.store.sql_opinion_turn import CHUNK, SqlOpinionTurn, window_of_row

_WRITTEN = (EVENT_CODES[EventType.COMMENT], EVENT_CODES[EventType.RATING])


class SqlOpinions:
    """See `store.opinions.OpinionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def turn(self) -> Iterator[SqlOpinionTurn]:
        """The one writing transaction."""
        with self._database.writing() as connection:
            yield SqlOpinionTurn(self._database, connection)

    def sketches(self, after: int, most: int) -> list[tuple[int, int, bytes]]:
        """(sequence, timestamp, sketch) of the latest `most` originals after a sequence, in order of arrival."""
        wanted = (
            select(opinion.c.sequence, opinion.c.timestamp, opinion.c.sketch)
            .where(opinion.c.sequence > after, opinion.c.sketch != b"")
            .order_by(opinion.c.sequence.desc())
            .limit(most)
        )
        with self._database.reading() as connection:
            found = connection.execute(wanted).all()
        return [(row.sequence, row.timestamp, bytes(row.sketch)) for row in reversed(found)]

    def windows(self, series: str, *, since: int, before: int) -> list[WindowCount]:
        """Counts of one series in order of time."""
        wanted = (
            select(opinion_count)
            .where(
                opinion_count.c.series == storable(series),
                opinion_count.c.start >= since,
                opinion_count.c.start < before,
            )
            .order_by(opinion_count.c.start)
        )
        with self._database.reading() as connection:
            return [window_of_row(row) for row in connection.execute(wanted)]

    def totals(self, *, kind: str | None, since: int, before: int) -> list[tuple[str, Count]]:
        """Sums of each series ("all" for `kind` None), those with most posts first."""
        table = opinion_count.c
        of_kind = table.series == ALL if kind is None else table.series.startswith(f"{kind}:", autoescape=True)
        wanted = (
            select(
                table.series,
                *(func.sum(table[name]).label(name) for name in ("posts", "negative", "positive", "reach")),
            )
            .where(of_kind, table.start >= since, table.start < before)
            .group_by(table.series)
            .order_by(func.sum(table.posts).desc(), table.series)
        )
        with self._database.reading() as connection:
            found = connection.execute(wanted).all()
        return [(row[0], Count(*(int(value) for value in row[1:]))) for row in found]

    def posts(
        self,
        *,
        series: str | None = None,
        tone: str | None = None,
        since: int = 0,
        before: int | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[PostRecord]:
        """The latest originals, newest first; `after` is a sequence."""
        wanted: Select[Any] = select(opinion).where(
            opinion.c.copy_of.is_(None), opinion.c.timestamp >= since, opinion.c.sequence > after
        )
        if before is not None:
            wanted = wanted.where(opinion.c.timestamp < before)
        if tone is not None:
            wanted = wanted.where(opinion.c.tone == tone)
        if series is not None:
            wanted = wanted.where(opinion.c.series.contains(f"\n{storable(series)}\n", autoescape=True))
        with self._database.reading() as connection:
            found = connection.execute(wanted.order_by(opinion.c.sequence.desc()).limit(limit)).all()
        return [post_of_row(row) for row in found]

    def by_number(self, sequences: Sequence[int]) -> dict[int, PostRecord]:
        """Posts by sequence; those that were forgotten are missing."""
        found: dict[int, PostRecord] = {}
        with self._database.reading() as connection:
            for some in chunks(sequences, CHUNK):
                rows = connection.execute(select(opinion).where(opinion.c.sequence.in_(some)))
                found.update((row.sequence, post_of_row(row)) for row in rows)
        return found

    def of_person(self, author: str) -> list[PostRecord]:
        """All that somebody wrote, in order of arrival."""
        wanted = select(opinion).where(opinion.c.author == storable(author)).order_by(opinion.c.sequence)
        with self._database.reading() as connection:
            return [post_of_row(row) for row in connection.execute(wanted)]

    def alerts(self, *, open_only: bool = False, since: int = 0, limit: int = 100) -> list[AlertRecord]:
        """Alerts, the latest first."""
        wanted = select(opinion_alert).where(opinion_alert.c.opened >= since)
        if open_only:
            wanted = wanted.where(opinion_alert.c.closed.is_(None))
        wanted = wanted.order_by(opinion_alert.c.opened.desc(), opinion_alert.c.alert_id).limit(limit)
        with self._database.reading() as connection:
            return [alert_of_row(row) for row in connection.execute(wanted)]

    def alert(self, alert_id: str) -> AlertRecord | None:
        """One alert."""
        wanted = select(opinion_alert).where(opinion_alert.c.alert_id == storable(alert_id))
        with self._database.reading() as connection:
            found = connection.execute(wanted).first()
        return None if found is None else alert_of_row(found)

    def acknowledge(self, alert_id: str, *, now: int, by: str, note: str) -> AlertRecord | None:
        """Somebody has seen it; None when there is no such alert. The first acknowledgement stays."""
        table = opinion_alert.c
        with self._database.writing() as connection:
            connection.execute(
                update(opinion_alert)
                .where(table.alert_id == storable(alert_id), table.acknowledged.is_(None))
                .values(acknowledged=now, acknowledged_by=storable(by), note=storable(note))
            )
        return self.alert(alert_id)

    def reviews(self, after: int, size: int = 500) -> Iterator[tuple[int, list[Review]]]:
        """What customers wrote, out of the event log, in order of arrival after a sequence of events; with each chunk
        the sequence up to which the log has been read."""
        wanted = (
            select(event.c.sequence, event.c.timestamp, person.c.user_id, product.c.item_id, event.c.context)
            .outerjoin(person, person.c.row == event.c.person)
            .outerjoin(product, product.c.row == event.c.product)
            .where(event.c.event_type.in_(_WRITTEN), event.c.context.is_not(None))
            .order_by(event.c.sequence)
            .limit(size)
        )
        with self._database.reading() as connection:
            end = int(connection.execute(select(func.max(event.c.sequence))).scalar() or 0)
        while after < end:
            with self._database.reading() as connection:
                rows = connection.execute(wanted.where(event.c.sequence > after, event.c.sequence <= end)).all()
            after = rows[-1].sequence if len(rows) == size else end
            yield after, [Review(*row) for row in rows]

    def newest(self) -> int:
        """Time of the latest post, microseconds; 0 without any."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.max(opinion.c.timestamp))).scalar() or 0)

    def prune(self, before: int) -> int:
        """Forget posts and their texts before a time; counts stay. Returns how many went."""
        some = select(opinion.c.sequence).where(opinion.c.timestamp < before).limit(5_000)
        gone = 0
        while True:
            with self._database.writing() as connection:
                went = connection.execute(delete(opinion).where(opinion.c.sequence.in_(some))).rowcount
            gone += went
            if went < 5_000:
                return gone

    def count(self) -> int:
        """Posts that are kept, copies included."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(opinion)).scalar_one())
