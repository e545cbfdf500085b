"""What is to be sent to people, in the database: put there in the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from shoplens.store.database import Database
from shoplens.store.records import Delivery
from shoplens.store.schema import outbox
from shoplens.store.sql_answers import storable


def put_out(database: Database, connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Put messages into the outbox; those that are there already stay as they are."""
    for one in deliveries:
        values = {
            "kind": one.kind,
            "subject": storable(one.subject),
            "occasion": one.occasion,
            "channel": one.channel,
            "due": one.due,
            "attempts": one.attempts,
            "state": one.state,
            "error": storable(one.error),
        }
        connection.execute(database.insert(outbox).values(**values).on_conflict_do_nothing())


class SqlOutbox:
    """See `store.conversations.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, now: int, lease: int, limit: int) -> list[Delivery]:
        """Deliveries that are due, taken for `lease` microseconds so that no other process sends them too."""
        due = select(outbox).where(outbox.c.state == "waiting", outbox.c.due <= now).order_by(outbox.c.due).limit(limit)
        with self._database.reading() as connection:  # mostly there is nothing, and nobody has to wait for us
            if connection.execute(due.limit(1)).first() is None:
                return []
        with self._database.writing() as connection:
            found = [Delivery(**row._mapping) for row in connection.execute(due)]
            for one in found:
                connection.execute(_update_of(one).values(due=now + lease))
        return found

    def settle(self, delivery: Delivery) -> None:
        """What became of it."""
        changed = {name: getattr(delivery, name) for name in ("due", "attempts", "state")}
        with self._database.writing() as connection:
            connection.execute(_update_of(delivery).values(**changed, error=storable(delivery.error)))

    def waiting(self) -> int:
        """Deliveries that are still to be made."""
        wanted = select(func.count()).select_from(outbox).where(outbox.c.state == "waiting")
        with self._database.reading() as connection:
            return int(connection.execute(wanted).scalar_one())

    def prune(self, before: int) -> int:
        """Forget what was delivered or given up before a time (microseconds). Returns how many went."""
        with self._database.writing() as connection:
            old = delete(outbox).where(outbox.c.state != "waiting", outbox.c.due < before)
            return connection.execute(old).rowcount


def _update_of(delivery: Delivery) -> Any:
    return update(outbox).where(
        outbox.c.kind == delivery.kind,
        outbox.c.subject == storable(delivery.subject),
        outbox.c.occasion == delivery.occasion,
        outbox.c.channel == delivery.channel,
    )
