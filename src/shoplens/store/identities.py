"""External ids → row numbers, for the events of a batch; unknown ids become stubs in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, literal, select, true, update

from shoplens.store.database import Database, chunks
from shoplens.store.schema import person, product
from shoplens.store.sql_catalogue import next_revision, stub_of_product
from shoplens.store.sql_people import stub_of_person

REMEMBERED = 500_000  # ids of each kind kept in memory (about 60 MB); beyond that it starts afresh
_CHUNK = 10_000  # ids a statement
_UNKNOWN = -1


def _nothing() -> dict[str | None, int | None]:
    """Only that no id has no row."""
    return {None: None, "": None}


class Identities:
    """Remembers the rows of ids between batches. Only the holder of the write transaction may use it.

    What it learns holds only if the transaction is committed (`keep`), and people only until anybody is forgotten.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # Made once: making these statements takes longer than the database takes to answer them.
        self._known_people = select(person.c.user_id, person.c.row).where(database.among(person.c.user_id, "ids"))
        # A product taken out before anybody touched it comes back as a stub.
        self._known_products = select(product.c.item_id, product.c.row).where(
            database.among(product.c.item_id, "ids"), product.c.deleted.is_(False)
        )
        untouched = update(product).where(product.c.mentioned.is_(False), database.among(product.c.item_id, "ids"))
        self._mention = untouched.values(mentioned=True)
        self._people = _nothing()
        self._products = _nothing()
        self._forgotten = 0
        self._kept = True

    def begin(self, forgotten: int) -> None:
        """Start a transaction; `forgotten` counts the people deleted so far, by any process."""
        if not self._kept or forgotten != self._forgotten or len(self._people) > REMEMBERED:
            self._people = _nothing()
        if not self._kept or len(self._products) > REMEMBERED:
            self._products = _nothing()
        self._forgotten = forgotten
        self._kept = False

    def keep(self) -> None:
        """The transaction was committed: what it found or made is true for later ones."""
        self._kept = True

    def people(self, connection: Connection, user_ids: Sequence[str | None]) -> tuple[list[int | None], int]:
        """Row of each person (None for a guest), and how many stubs were made."""
        return self._rows(connection, person, self._people, user_ids)

    def products(self, connection: Connection, item_ids: Sequence[str | None]) -> tuple[list[int | None], int]:
        """Row of each product (None where the event has none), and how many stubs were made."""
        return self._rows(connection, product, self._products, item_ids)

    def _rows(
        self, connection: Connection, table: Table, memory: dict[str | None, int | None], ids: Sequence[str | None]
    ) -> tuple[list[int | None], int]:
        rows = list(map(memory.get, ids, repeat(_UNKNOWN)))
        if _UNKNOWN not in rows:
            return rows, 0
        unknown = [
            one for one in dict.fromkeys(ids) if one not in memory
        ]  # in order: the same file makes the same rows
        made = 0
        for chunk in chunks(unknown, _CHUNK):
            known, new = self._look_up(connection, table, chunk)
            memory.update(known)
            made += new
        return list(map(memory.get, ids)), made

    def _look_up(self, connection: Connection, table: Table, ids: list[str]) -> tuple[dict[str, int], int]:
        """Rows of ids that are not remembered, and how many of them had to be made."""
        wanted = self._known_people if table is person else self._known_products
        bound = {"ids": self._database.many(ids)}
        known = dict(connection.execute(wanted, bound).all())
        missing = [name for name in ids if name not in known]
        if missing:
            self._make(connection, table, missing)
            known |= dict(connection.execute(wanted, {"ids": self._database.many(missing)}).all())
        if table is product:
            connection.execute(self._mention, bound)
        return known, len(missing)

    def _make(self, connection: Connection, table: Table, ids: list[str]) -> None:
        """Insert stubs, in one statement that stays in the database: all but the id is the same in each."""
        name = self._database.each("ids")
        if table is person:
            same = stub_of_person("")
        else:
            same = {**stub_of_product(""), "mentioned": True, "revision": next_revision(connection)}
        columns = [table.c.user_id if table is person else table.c.item_id]
        values: list[ColumnElement[Any]] = [name]
        for column, value in same.items():
            if value is not None and column not in ("user_id", "item_id"):
                columns.append(table.c[column])
                values.append(literal(value, table.c[column].type))
        put = self._database.insert(table).from_select(columns, select(*values).where(true()))
        if table is product:
            put = put.on_conflict_do_update(
                index_elements=["item_id"], set_={"deleted": False, "revision": put.excluded.revision}
            )
        connection.execute(put, {"ids": self._database.many(ids)})
