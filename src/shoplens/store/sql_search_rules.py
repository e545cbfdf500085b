"""What the shop tells its search, in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from shoplens.domain.search_rules import RuleKind, SearchRule
from shoplens.store.database import Database, chunks, count_up, counters
from shoplens.store.schema import search_rule
from shoplens.store.sql_answers import storable

COUNTER = "search_rules"
CHUNK = 500  # rules that are named in one statement


class SqlSearchRules:
    """Rules by number. Whatever changes them counts `revision` up in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change(
        self, now: int, *, add: Iterable[tuple[RuleKind, str]] = (), remove: Sequence[int] = ()
    ) -> list[SearchRule]:
        """Take rules away and add others, all or nothing; see the protocol."""
        rows = [{"kind": kind.value, "body": storable(body), "added": now} for kind, body in add]
        with self._database.writing() as connection:
            changed = len(rows) + self._set(connection, remove, now)
            last = connection.execute(select(func.max(search_rule.c.rule_id))).scalar() or 0
            if rows:
                connection.execute(search_rule.insert(), rows)
            made = select(search_rule).where(search_rule.c.rule_id > last).order_by(search_rule.c.rule_id)
            added = [_from_row(row) for row in connection.execute(made)]
            count_up(connection, COUNTER, 1 if changed else 0)
        return added

    def restore(self, rule_ids: Sequence[int]) -> int:
        """Let removed rules hold again. Returns how many did not hold."""
        with self._database.writing() as connection:
            changed = self._set(connection, rule_ids, None)
            count_up(connection, COUNTER, 1 if changed else 0)
        return changed

    def list(self, *, removed: bool = False) -> list[SearchRule]:
        """Rules that hold, or those that do so no more; in the order in which they were added."""
        gone = search_rule.c.removed.is_not(None) if removed else search_rule.c.removed.is_(None)
        with self._database.reading() as connection:
            found = connection.execute(select(search_rule).where(gone).order_by(search_rule.c.rule_id)).all()
        return [_from_row(row) for row in found]

    def revision(self) -> int:
        """Rises with every change."""
        with self._database.reading() as connection:
            return counters(connection)[COUNTER]

    def _set(self, connection: Connection, rule_ids: Sequence[int], removed: int | None) -> int:
        """Since when rules hold no more. Returns how many it was said of anew."""
        before = search_rule.c.removed.is_not(None) if removed is None else search_rule.c.removed.is_(None)
        changed = 0
        for chunk in chunks(rule_ids, CHUNK):
            change = update(search_rule).where(search_rule.c.rule_id.in_(chunk), before).values(removed=removed)
            changed += int(connection.execute(change).rowcount)
        return changed


def _from_row(row: Any) -> SearchRule:
    return SearchRule(row.rule_id, RuleKind(row.kind), row.body, row.added, row.removed)
