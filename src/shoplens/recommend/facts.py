"""What rules must know of every product, in arrays: price, stock, brand, category, attributes. Always as fresh as the
store: the runtime applies each change here.

Rows are in order of arrival and never reused; row 0 is no product at all, so that "unknown" has a row too.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Availability, Product
from shoplens.recommend.filters import Every, Filter, Never, OneOf, Range, Some, category_path

Mask = npt.NDArray[np.bool_]
AVAILABILITY_CODES = {None: 0} | {one: code for code, one in enumerate(Availability, start=1)}
COLUMNS: dict[str, type[np.generic]] = {
    "price": np.float64,
    "orderable": np.bool_,
    "listed": np.bool_,
    "stub": np.bool_,
    "availability": np.int8,
    "brand": np.int32,
    "category": np.int32,
    "created": np.int64,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The arrays at one moment, one entry a row. Values may still be replaced in place, rows never move."""

    price: npt.NDArray[np.float64]  # what a shopper pays, in the product's currency; NaN = unknown
    orderable: Mask
    listed: Mask  # in the catalogue and not deleted
    stub: Mask  # known only from events
    availability: npt.NDArray[np.int8]  # AVAILABILITY_CODES
    brand: npt.NDArray[np.int32]  # code, 0 = none
    category: npt.NDArray[np.int32]  # node of the category tree, 0 = none
    created: npt.NDArray[np.int64]  # microseconds since 1970, 0 = unknown

    def __len__(self) -> int:
        return len(self.price)


class CatalogueFacts:
    """Facts of all products. `version` changes with every change, so that masks may be kept until then."""

    def __init__(self, products: Iterable[Product] = ()) -> None:
        self.version = 0
        self.ids: list[str] = [""]
        self.titles: list[str] = [""]
        self._rows: dict[str, int] = {}
        self._lock = threading.RLock()
        self._brands: dict[str, int] = {"": 0}
        self._nodes: dict[tuple[str, ...], int] = {(): 0}
        self._children: list[list[int]] = [[]]
        self._codes: dict[tuple[str, str], int] = {}
        self._rows_of_code: list[array[int]] = []
        self._codes_of_row: list[tuple[int, ...]] = [()]
        self._stale: set[int] = set()  # codes whose rows may have lost the attribute
        self._real = 0  # products that are more than a stub
        self._room = {name: np.zeros(1_024, kind) for name, kind in COLUMNS.items()}
        self.columns = self._publish()
        self.apply(products)

    def __len__(self) -> int:
        """Rows in use, row 0 included."""
        return len(self.ids)

    def row(self, item_id: str) -> int:
        """Row of a product, 0 when there is none."""
        return self._rows.get(item_id, 0)

    def rows(self, item_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Rows of many products, 0 where unknown."""
        get = self._rows.get
        return np.fromiter((get(name, 0) for name in item_ids), np.int64)

    @property
    def stubs_offered(self) -> bool:
        """A shop that never sent a product knows its products only from events; then those are what it offers."""
        return self._real == 0

    def apply(self, products: Iterable[Product]) -> None:
        """Insert or replace products."""
        with self._lock:
            for product in products:
                self._put(product)
            self.columns = self._publish()
            self.version += 1

    def remove(self, item_id: str) -> None:
        """The product left the catalogue; its row stays and is never offered."""
        with self._lock:
            row = self._rows.get(item_id, 0)
            if row:
                self._real -= not self._room["stub"][row] and bool(self._room["listed"][row])
                self._room["listed"][row] = False
                self.version += 1

    def offered(self) -> Mask:
        """Products that a shopper may be shown and can order. [len(self)]"""
        columns = self.columns
        mask = columns.listed & columns.orderable
        return mask if self.stubs_offered else mask & ~columns.stub

    def mask(self, wanted: Filter) -> Mask:
        """Products that a filter keeps. [len(self)]"""
        with self._lock:  # a change in between could name a category that `nodes` has no room for
            mask = self._evaluate(wanted, self.columns)
        mask[0] = False
        return mask

    def same_place(self, row: int) -> npt.NDArray[np.int64]:
        """Rows of the same narrowest category; of the same brand when there is no category; empty without either."""
        columns = self.columns
        for column in (columns.category, columns.brand):
            if column[row]:
                return np.flatnonzero(column == column[row])
        return np.zeros(0, np.int64)

    def _put(self, product: Product) -> None:
        row = self._rows.get(product.item_id)
        room = self._room
        if row is None:
            row = len(self.ids)
            if row == len(room["price"]):
                room = self._room = {name: np.concatenate([one, np.zeros_like(one)]) for name, one in room.items()}
            self._rows[product.item_id] = row
            self.ids.append(product.item_id)
            self.titles.append("")
            self._codes_of_row.append(())
        elif room["listed"][row] and not room["stub"][row]:
            self._real -= 1
        self._real += not product.stub
        price = product.sale_price if product.sale_price is not None else product.price
        self.titles[row] = product.title
        room["price"][row] = float(price) if price is not None else np.nan
        room["orderable"][row] = product.orderable
        room["listed"][row] = True
        room["stub"][row] = product.stub
        room["availability"][row] = AVAILABILITY_CODES[product.availability]
        room["brand"][row] = self._brands.setdefault((product.brand or "").casefold(), len(self._brands))
        room["category"][row] = self._node(category_path(product.category))
        room["created"][row] = microseconds(product.created_at)
        self._put_attributes(row, product)

    def _put_attributes(self, row: int, product: Product) -> None:
        codes = []
        for name, values in product.attributes.items():
            for value in values:
                key = (name.casefold(), value.casefold())
                code = self._codes.setdefault(key, len(self._codes))
                if code == len(self._rows_of_code):
                    self._rows_of_code.append(array("q"))
                codes.append(code)
        before = self._codes_of_row[row]
        self._codes_of_row[row] = tuple(codes)
        for code in codes:
            if code not in before:
                self._rows_of_code[code].append(row)
        self._stale.update(set(before) - set(codes))

    def _node(self, path: tuple[str, ...]) -> int:
        """Node of a category, made with its ancestors when it is new."""
        node = self._nodes.get(path)
        if node is None:
            parent = self._node(path[:-1])
            node = self._nodes[path] = len(self._children)
            self._children.append([])
            self._children[parent].append(node)
        return node

    def _publish(self) -> Columns:
        return Columns(**{name: one[: len(self.ids)] for name, one in self._room.items()})

    def _evaluate(self, wanted: Filter, columns: Columns) -> Mask:
        if isinstance(wanted, Every):
            every: Mask = np.logical_and.reduce([self._evaluate(part, columns) for part in wanted.parts])
            return every
        if isinstance(wanted, Some):
            some: Mask = np.logical_or.reduce([self._evaluate(part, columns) for part in wanted.parts])
            return some
        if isinstance(wanted, Never):
            return ~self._evaluate(wanted.part, columns)
        if isinstance(wanted, Range):
            mask = ~np.isnan(columns.price)
            if wanted.low is not None:
                mask &= columns.price >= wanted.low if wanted.low_included else columns.price > wanted.low
            if wanted.high is not None:
                mask &= columns.price <= wanted.high if wanted.high_included else columns.price < wanted.high
            return mask
        return self._one_of(wanted, columns)

    def _one_of(self, wanted: OneOf, columns: Columns) -> Mask:
        field, values = wanted.field, wanted.values
        if field == "price":
            return np.isin(columns.price, np.array(values, np.float64))
        if field == "category":
            nodes = np.zeros(len(self._children), bool)
            for path in values:
                self._mark(self._nodes.get(path, -1) if isinstance(path, tuple) else -1, nodes)
            return nodes[columns.category]
        if field == "brand":
            codes = [self._brands[value] for value in values if value in self._brands]
            return np.isin(columns.brand, codes)
        if field == "availability":
            return np.isin(columns.availability, [AVAILABILITY_CODES[Availability(str(value))] for value in values])
        mask = np.zeros(len(columns), bool)
        if field == "item_id":
            rows = self.rows(str(value) for value in values)
            mask[rows[rows < len(columns)]] = True
            return mask
        name = field.partition(".")[2].casefold()
        for value in values:
            rows = self._rows_with(self._codes.get((name, str(value)), -1))
            mask[rows[rows < len(columns)]] = True
        return mask

    def _mark(self, node: int, nodes: Mask) -> None:
        """The node and everything below it."""
        waiting = [node] if node > 0 else []
        while waiting:
            one = waiting.pop()
            if one < len(nodes):
                nodes[one] = True
                waiting.extend(self._children[one])

    def _rows_with(self, code: int) -> npt.NDArray[np.int64]:
        """Rows that have an attribute value."""
        if code < 0 or code >= len(self._rows_of_code):
            return np.zeros(0, np.int64)
        with self._lock:
            if code in self._stale:
                kept = {row for row in self._rows_of_code[code] if code in self._codes_of_row[row]}
                self._rows_of_code[code] = array("q", sorted(kept))
                self._stale.discard(code)
            return np.array(self._rows_of_code[code], np.int64)


def microseconds(moment: datetime | None) -> int:
    """Microseconds since 1970, UTC; 0 for None. A time without a zone is UTC."""
    if moment is None:
        return 0
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1e6)
