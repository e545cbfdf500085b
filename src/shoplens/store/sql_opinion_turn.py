"""The one transaction in which a batch of opinions is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from shoplens.domain.opinions import Count
from shoplens.store.database import Database, chunks, settle
from shoplens.store.opinion_rows import alert_of_row, post_of_row, row_of_alert, row_of_post
from shoplens.store.opinion_schema import opinion, opinion_alert, opinion_count, opinion_state
from shoplens.store.opinions import AlertRecord, PostRecord, WindowCount
from shoplens.store.records import Checkpoint, Delivery
from shoplens.store.sql_answers import storable
from shoplens.store.sql_outbox import put_out

TOMBSTONES = 1_000  # revisions for which it is known that a state was forgotten, for processes that lag behind
CHUNK = 500  # values a statement: below every database's limit of parameters


@dataclass(frozen=True, slots=True)
class SqlOpinionTurn:
    """See `store.opinions.OpinionTurn`. Lives as long as its transaction."""

    database: Database
    connection: Connection

    def known(self, keys: Sequence[int]) -> set[int]:
        """Which of these posts were taken in before."""
        found: set[int] = set()
        for some in chunks(keys, CHUNK):
            found.update(self.connection.execute(select(opinion.c.key).where(opinion.c.key.in_(some))).scalars())
        return found

    def add(self, posts: Sequence[PostRecord]) -> None:
        """Keep posts."""
        for some in chunks(posts, CHUNK):
            self.connection.execute(opinion.insert(), [row_of_post(one) for one in some])

    def repeat(self, copies: Mapping[int, tuple[int, int]]) -> None:
        """Sequence of a post → how many copies and how much reach came on top."""
        if not copies:
            return
        change = (
            update(opinion)
            .where(opinion.c.sequence == bindparam("which"))
            .values(copies=opinion.c.copies + bindparam("more"), reach=opinion.c.reach + bindparam("seen"))
        )
        rows = [{"which": which, "more": more, "seen": seen} for which, (more, seen) in copies.items()]
        self.connection.execute(change, rows)

    def count(self, counts: Mapping[tuple[str, int], Count]) -> None:
        """Add to the counts of (series, start of the window)."""
        if not counts:
            return
        put = self.database.insert(opinion_count).values(
            {name: bindparam(name) for name in ("series", "start", "posts", "negative", "positive", "reach")}
        )
        table, new = opinion_count.c, put.excluded
        put = put.on_conflict_do_update(
            index_elements=["series", "start"],
            set_={name: table[name] + new[name] for name in ("posts", "negative", "positive", "reach")},
        )
        rows = [
            {
                "series": storable(series),
                "start": start,
                "posts": one.posts,
                "negative": one.negative,
                "positive": one.positive,
                "reach": one.reach,
            }
            for (series, start), one in counts.items()
        ]
        self.connection.execute(put, rows)

    def counts(self, since: int) -> list[WindowCount]:
        """Counts of windows that start at `since` or later."""
        wanted = select(opinion_count).where(opinion_count.c.start >= since)
        return [window_of_row(row) for row in self.connection.execute(wanted)]

    def posts(self, since: int, before: int, limit: int) -> list[PostRecord]:
        """The latest originals (no copies) with times in [since, before), newest arrival first."""
        wanted = (
            select(opinion)
            .where(opinion.c.timestamp >= since, opinion.c.timestamp < before, opinion.c.copy_of.is_(None))
            .order_by(opinion.c.sequence.desc())
            .limit(limit)
        )
        return [post_of_row(row) for row in self.connection.execute(wanted)]

    def total(self, series: str, since: int, before: int) -> Count:
        """Sum of the counts of one series over windows that start in [since, before)."""
        table = opinion_count.c
        sums = [func.sum(table[name]) for name in ("posts", "negative", "positive", "reach")]
        wanted = select(*sums).where(table.series == storable(series), table.start >= since, table.start < before)
        return Count(*(int(value or 0) for value in self.connection.execute(wanted).one()))

    def states(self, after: int) -> tuple[int, dict[str, str | None]]:
        """Revision, and name → state (JSON) of all that changed after revision `after`; None: it was forgotten."""
        wanted = select(opinion_state).where(opinion_state.c.revision > after)
        found = self.connection.execute(wanted).all()
        revision = max((row.revision for row in found), default=after)
        return revision, {row.name: row.state for row in found}

    def keep_states(self, states: Mapping[str, str | None]) -> int:
        """Keep states under their names (None: forget it). Returns the new revision."""
        revision = 1 + int(self.connection.execute(select(func.max(opinion_state.c.revision))).scalar() or 0)
        if not states:
            return revision - 1
        put = self.database.insert(opinion_state).values(
            name=bindparam("name"), revision=bindparam("revision"), state=bindparam("state")
        )
        put = put.on_conflict_do_update(
            index_elements=["name"], set_={"revision": put.excluded.revision, "state": put.excluded.state}
        )
        rows = [{"name": storable(name), "revision": revision, "state": state} for name, state in states.items()]
        self.connection.execute(put, rows)
        old = opinion_state.c.revision < revision - TOMBSTONES
        self.connection.execute(delete(opinion_state).where(opinion_state.c.state.is_(None), old))
        return revision

    def alerts_open(self) -> list[AlertRecord]:
        """Alerts that are not over, the earliest first."""
        wanted = (
            select(opinion_alert)
            .where(opinion_alert.c.closed.is_(None))
            .order_by(opinion_alert.c.opened, opinion_alert.c.alert_id)
        )
        return [alert_of_row(row) for row in self.connection.execute(wanted)]

    def alert(self, alert_id: str) -> AlertRecord | None:
        """One alert."""
        found = self.connection.execute(select(opinion_alert).where(opinion_alert.c.alert_id == alert_id)).first()
        return None if found is None else alert_of_row(found)

    def keep_alert(self, alert: AlertRecord) -> None:
        """Insert or replace, but for what `acknowledge` says."""
        put = self.database.insert(opinion_alert).values(**row_of_alert(alert))
        changing = ("severity", "closed", "told")
        self.connection.execute(
            put.on_conflict_do_update(index_elements=["alert_id"], set_={name: put.excluded[name] for name in changing})
        )

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Put messages into the outbox; those that are there already stay as they are."""
        put_out(self.database, self.connection, deliveries)

    def settle(self, source: str, rows: int, *, finished: bool = False) -> None:
        """How far a source has been read; `Store.checkpoint` tells it."""
        settle(self.database, self.connection, Checkpoint(source, rows, finished))


def window_of_row(row: Any) -> WindowCount:
    """As it was counted."""
    return WindowCount(row.series, row.start, Count(row.posts, row.negative, row.positive, row.reach))
