"""Products in the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, select, tuple_, update

from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import ConflictError, StoreError
from shoplens.store.database import Database, chunks, count_up, counters, settle
from shoplens.store.records import Checkpoint, ProductRows
from shoplens.store.schema import product

_CHUNK = 5_000  # rows a statement
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_ROW = 2**63 - 1
_FIELDS = tuple(
    column for column in product.c if column.name not in ("row", "stub", "deleted", "mentioned", "content", "revision")
)  # item_id first, then what a Product says


class SqlCatalogue:
    """Products by `item_id`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        put = database.insert(product).values(mentioned=False)
        kept = {"row", "item_id", "mentioned"}
        self._put = put.on_conflict_do_update(
            index_elements=["item_id"],
            set_={column.name: put.excluded[column.name] for column in product.c if column.name not in kept},
        )
        here = database.among(product.c.item_id, "ids")
        present = product.c.deleted.is_(False)
        self._known = select(product.c.item_id, product.c.content).where(here, present)
        self._get = select(*_FIELDS, product.c.stub).where(here, present)

    def upsert(
        self,
        products: Iterable[Product],
        checkpoint: Checkpoint | None = None,
        *,
        instead_of: Iterable[Product] = (),
    ) -> int:
        """See `base.Catalogue`."""
        rows = [_to_row(one) for one in products]  # before the transaction: a slow feed must not keep others waiting
        read = {one.item_id: _to_row(one)["content"] for one in instead_of}
        changed = 0
        with self._database.writing() as connection:
            revision = next_revision(connection)
            for chunk in chunks(read, _CHUNK):
                now = dict(connection.execute(self._known, {"ids": self._database.many(chunk)}).all())
                other = [item_id for item_id in chunk if now.get(item_id) != read[item_id]]
                if other:
                    raise ConflictError(f"product {other[0]!r} was changed by somebody else meanwhile; read it again")
            for chunk in chunks(rows, _CHUNK):
                changed += self._replace(connection, chunk, revision)
            count_up(connection, "catalogue", int(changed > 0))
            settle(self._database, connection, checkpoint)
        return changed

    def get(self, item_ids: Sequence[str]) -> dict[str, Product]:
        """The products that exist among `item_ids`."""
        found: dict[str, Product] = {}
        with self._database.reading() as connection:
            for chunk in chunks(dict.fromkeys(item_ids), _CHUNK):
                rows = connection.execute(self._get, {"ids": self._database.many(chunk)})
                found.update((row[0], _from_row(row)) for row in rows)
        return found

    def identities(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """item_id, GTIN, MPN and link of every product that is no stub, without reading the rest."""
        wanted = (
            select(product.c.item_id, product.c.gtin, product.c.mpn, product.c.link, product.c.row)
            .where(product.c.row > bindparam("after"), product.c.deleted.is_(False), product.c.stub.is_(False))
            .order_by(product.c.row)
            .limit(_CHUNK)
        )
        after = 0
        while True:
            with self._database.reading() as connection:
                found = connection.execute(wanted, {"after": after}).all()
            if not found:
                return
            for item_id, gtin, mpn, link, after in found:  # noqa: B007 the last row's number
                yield item_id, gtin, mpn, link

    def scan(self, size: int = 5_000) -> Iterator[list[Product]]:
        """All products (stubs included) by store row, in chunks. Each chunk is its own short transaction."""
        page = (
            select(*_FIELDS, product.c.stub, product.c.row)
            .where(product.c.row > bindparam("after"), product.c.deleted.is_(False))
            .order_by(product.c.row)
            .limit(size)
        )
        after = 0
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page, {"after": after}).all()
            if not found:
                return
            yield [_from_row(row) for row in found]
            after = found[-1][-1]

    def rows(self) -> ProductRows:
        """Store row and id of every product, by store row."""
        wanted = select(product.c.row, product.c.item_id).where(product.c.deleted.is_(False)).order_by(product.c.row)
        with self._database.reading() as connection:
            found = connection.execute(wanted).all()
        return ProductRows(tuple(row for row, _ in found), tuple(item_id for _, item_id in found))

    def delete(self, item_id: str) -> bool:
        """Take a product out of the catalogue (it becomes an unavailable stub while events mention it)."""
        with self._database.writing() as connection:
            wanted = select(product.c.mentioned, product.c.stub, product.c.availability)
            found = connection.execute(wanted.where(product.c.item_id == item_id, product.c.deleted.is_(False))).first()
            if found is None:
                return False
            gone = stub_of_product(item_id, Availability.OUT_OF_STOCK)
            if found.mentioned and found.stub and found.availability == gone["availability"]:
                return False  # it was taken out before
            gone |= {"deleted": not found.mentioned, "revision": next_revision(connection)}
            connection.execute(update(product).where(product.c.item_id == item_id).values(**gone))
            count_up(connection, "catalogue", 1)
        return True

    def changes(self, after: int, size: int = 5_000) -> Iterator[tuple[int, list[Product], list[str]]]:
        """What changed since revision `after`; see `Catalogue.changes`. Each chunk is its own short transaction."""
        here = tuple_(product.c.revision, product.c.row)
        page = (
            select(*_FIELDS, product.c.stub, product.c.deleted, product.c.revision, product.c.row)
            .where(here > tuple_(bindparam("revision"), bindparam("row")))
            .order_by(product.c.revision, product.c.row)
            .limit(size + 1)  # the one beyond tells whether the last revision is complete
        )
        complete, place = after, (after, _LAST_ROW)
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page, {"revision": place[0], "row": place[1]}).all()
            if not found:
                return
            rows = found[:size]
            last = rows[-1].revision
            whole = len(found) == len(rows) or found[-1].revision > last
            settled = [row.revision for row in rows if whole or row.revision < last]
            complete = settled[-1] if settled else complete
            yield (
                complete,
                [_from_row(row) for row in rows if not row.deleted],
                [row.item_id for row in rows if row.deleted],
            )
            if len(found) == len(rows):
                return
            place = (last, rows[-1].row)

    def revision(self) -> int:
        """A number that rises by one with every transaction that changes products, by any process."""
        with self._database.reading() as connection:
            return counters(connection)["catalogue"]

    def count(self, *, stubs: bool = True) -> int:
        """How many products there are."""
        wanted = select(func.count()).select_from(product).where(product.c.deleted.is_(False))
        if not stubs:
            wanted = wanted.where(product.c.stub.is_(False))
        with self._database.reading() as connection:
            return int(connection.execute(wanted).scalar_one())

    def _replace(self, connection: Connection, rows: list[dict[str, Any]], revision: int) -> int:
        """Write the rows whose content differs from what is there; how many."""
        last = {row["item_id"]: row for row in rows}  # named twice: the later one counts
        known = connection.execute(self._known, {"ids": self._database.many(list(last))})
        content = dict(known.all())
        new = [row | {"revision": revision} for row in last.values() if content.get(row["item_id"]) != row["content"]]
        if new:
            connection.execute(self._put, new)
        return len(new)


def next_revision(connection: Connection) -> int:
    """What the catalogue's revision becomes if this write transaction changes a product.

    Writers take turns, each until its commit is visible: revisions become visible in order.
    """
    return counters(connection)["catalogue"] + 1


def stub_of_product(item_id: str, availability: Availability | None = None) -> dict[str, Any]:
    """The row of a product known only because an event mentioned it; but for `item_id` the same for all."""
    return _to_row(Product(item_id=item_id, availability=availability, stub=True))


def _to_row(one: Product) -> dict[str, Any]:
    """Columns of a product; `content` is a hash over all but `item_id`."""
    try:
        row: dict[str, Any] = {
            "title": one.title,
            "description": one.description,
            "brand": one.brand,
            "category": _json(one.category),
            "price": None if one.price is None else str(one.price),
            "sale_price": None if one.sale_price is None else str(one.sale_price),
            "currency": one.currency,
            "availability": None if one.availability is None else one.availability.value,
            "stock": one.stock,
            "gtin": one.gtin,
            "mpn": one.mpn,
            "group_id": one.group_id,
            "link": one.link,
            "attributes": _json(dict(one.attributes)),
            "images": _json(one.images),
            "videos": _json(one.videos),
            "audio": _json(one.audio),
            "created_at": None if one.created_at is None else _microseconds(one.created_at),
            "stub": one.stub,
        }
        row["content"] = int.from_bytes(
            blake2b(orjson.dumps(list(row.values())), digest_size=8).digest(), "little", signed=True
        )
    except (TypeError, ValueError) as error:
        raise StoreError(f"product {one.item_id!r} cannot be stored: {error}") from error
    return {"item_id": one.item_id, **row, "deleted": False}


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _microseconds(when: datetime) -> int:
    """Exact, unlike a float of seconds; a time without a zone is UTC."""
    return ((when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def _moment(microseconds: int | None) -> datetime | None:
    """Inverse of `_microseconds`. None for a moment before year 1 or after 9999 in UTC: one such row, whoever wrote
    it, must not keep all others from being read."""
    if microseconds is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _from_row(row: Any) -> Product:
    (item_id, title, description, brand, category, price, sale_price, currency, availability, stock) = row[:10]
    (gtin, mpn, group_id, link, attributes, images, videos, audio, created_at, stub) = row[10:20]
    return Product(
        item_id=item_id,
        title=title,
        description=description,
        brand=brand,
        category=tuple(orjson.loads(category)),
        price=None if price is None else Decimal(price),
        sale_price=None if sale_price is None else Decimal(sale_price),
        currency=currency,
        availability=None if availability is None else Availability(availability),
        stock=stock,
        gtin=gtin,
        mpn=mpn,
        group_id=group_id,
        link=link,
        attributes={name: tuple(values) for name, values in orjson.loads(attributes).items()},
        images=tuple(orjson.loads(images)),
        videos=tuple(orjson.loads(videos)),
        audio=tuple(orjson.loads(audio)),
        created_at=_moment(created_at),
        stub=stub,
    )
