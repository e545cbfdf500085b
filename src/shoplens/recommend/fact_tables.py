"""What is known of every product, in arrays: the rows that filters and facets read.

Rows are in order of arrival and never reused; row 0 is no product at all, so that "unknown" has a row too. One thread
writes at a time; readers need no lock and may find a product's old value here and its new value there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Availability, Product
from shoplens.recommend.category_tree import CategoryTree
from shoplens.recommend.value_column import Mask, Names, ValueColumn

AVAILABILITY_CODES = {None: 0} | {one: code for code, one in enumerate(Availability, start=1)}
COLUMNS: dict[str, type[np.generic]] = {
    "price": np.float64,
    "own_price": np.float64,
    "currency": np.int32,
    "stock": np.float64,
    "orderable": np.bool_,
    "listed": np.bool_,
    "stub": np.bool_,
    "availability": np.int8,
    "brand": np.int32,
    "category": np.int32,
    "group": np.int32,
    "created": np.int64,
}

_Values: TypeAlias = tuple[tuple[ValueColumn, int], ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The arrays at one moment, one entry a row. Values may still be replaced in place, rows never move."""

    price: npt.NDArray[np.float64]  # what a shopper pays, to be compared; NaN = unknown, or in another currency
    own_price: npt.NDArray[np.float64]  # the same in the product's own currency; NaN = unknown
    currency: npt.NDArray[np.int32]  # code, 0 = none told: the shop's own
    stock: npt.NDArray[np.float64]  # units on hand; NaN = unknown
    orderable: Mask
    listed: Mask  # in the catalogue and not deleted
    stub: Mask  # known only from events
    availability: npt.NDArray[np.int8]  # AVAILABILITY_CODES
    brand: npt.NDArray[np.int32]  # code, 0 = none
    category: npt.NDArray[np.int32]  # node of the category tree, 0 = none
    group: npt.NDArray[np.int32]  # code of the group of variants, 0 = none
    created: npt.NDArray[np.int64]  # microseconds since 1970, 0 = unknown

    def __len__(self) -> int:
        return len(self.price)


class FactTables:
    """Columns, names of their codes, the category tree, and a column of values for each attribute."""

    def __init__(self) -> None:
        self.ids: list[str] = [""]
        self.titles: list[str] = [""]
        self.rows: dict[str, int] = {}
        self._new: dict[str, int] = {}  # rows that are not published yet
        self.brands = Names()
        self.groups = Names(fold=False)
        self.currencies = Names(fold=False)
        self._currency = 0  # code of the one that prices are compared in
        self.tree = CategoryTree()
        self.attributes: dict[str, ValueColumn] = {}  # by name, letter case folded
        self.real = 0  # products that are more than a stub
        self.values_of_row: list[_Values] = [()]
        self.stamps = np.zeros(1_024, np.int32)  # of each row, see ValueColumn; as long as the other columns' room
        self._room = {name: np.zeros(1_024, kind) for name, kind in COLUMNS.items()}
        self.columns = self._sliced()

    def put(self, product: Product) -> None:
        """Insert or replace a product. A new row is seen once `publish` was called."""
        row = self.rows.get(product.item_id) or self._new.get(product.item_id)
        row = self._new_row(product.item_id) if row is None else row
        room = self._room
        listed = bool(room["listed"][row])
        before = self._held_by(row) if listed else None
        self.real += int(not product.stub) - int(listed and not room["stub"][row])
        price = product.sale_price if product.sale_price is not None else product.price
        self.titles[row] = product.title
        room["own_price"][row] = _number(price)
        room["currency"][row] = self.currencies.code(product.currency or "")
        room["price"][row] = room["own_price"][row] if room["currency"][row] in (0, self._currency) else np.nan
        room["stock"][row] = _number(product.stock)
        room["orderable"][row] = product.orderable
        room["listed"][row] = True
        room["stub"][row] = product.stub
        room["availability"][row] = AVAILABILITY_CODES[product.availability]
        room["brand"][row] = self.brands.code(product.brand or "")
        room["category"][row] = self.tree.node(product.category)
        room["group"][row] = self.groups.code(product.group_id or "")
        room["created"][row] = microseconds(product.created_at)
        self._put_attributes(row, product)
        self._count(before, self._held_by(row))

    def remove(self, item_id: str) -> bool:
        """The product left the catalogue; its row stays and is never offered. False when there was none."""
        row = self.rows.get(item_id, 0)
        room = self._room
        if not room["listed"][row]:
            return False
        self.real -= int(not room["stub"][row])
        room["listed"][row] = False
        self._count(self._held_by(row), None)
        return True

    @property
    def currency(self) -> str:
        """The one that prices are compared in: of the most products with a price, "" where none is told. 10 EUR are not
        less than 1,000 JPY, and no rate is known here: a price in any other currency is unknown to whoever compares."""
        return self.currencies.shown[self._currency]

    def publish(self) -> None:
        """Let `columns` have all rows that there are now."""
        self._compare_in_one_currency()
        self.columns = self._sliced()
        self.rows.update(self._new)  # only now: whoever knows a row finds it in the columns
        self._new.clear()

    def _compare_in_one_currency(self) -> None:
        if len(self.currencies) <= 2:  # the one that there is
            wanted = len(self.currencies) - 1
        else:
            known = self._room["listed"] & ~np.isnan(self._room["own_price"])
            counts = np.bincount(self._room["currency"][known], minlength=len(self.currencies))
            # Of equally many the first by name, so that all processes of a server take the same one.
            wanted = min(range(1, len(counts)), key=lambda code: (-counts[code], self.currencies.shown[code]))
        if wanted != self._currency:
            self._currency = wanted
            ours = np.isin(self._room["currency"], (0, wanted))
            self._room["price"][:] = np.where(ours, self._room["own_price"], np.nan)

    def _sliced(self) -> Columns:
        return Columns(**{name: one[: len(self.ids)] for name, one in self._room.items()})

    def _new_row(self, item_id: str) -> int:
        row = len(self.ids)
        if row == len(self.stamps):
            self._room = {name: np.concatenate([one, np.zeros_like(one)]) for name, one in self._room.items()}
            self.stamps = np.concatenate([self.stamps, np.zeros_like(self.stamps)])
        self._new[item_id] = row
        self.ids.append(item_id)
        self.titles.append("")
        self.values_of_row.append(())
        return row

    def _put_attributes(self, row: int, product: Product) -> None:
        values = []
        for name, texts in product.attributes.items():
            column = self.attributes.get(name.casefold())
            if column is None:
                column = self.attributes[name.casefold()] = ValueColumn(name)
            values += [column.pair(text) for text in texts if text.strip()]
        before, now = self.values_of_row[row], tuple(dict.fromkeys(values))
        if now != before:
            stamp = int(self.stamps[row]) + 1
            for column, _ in before:
                column.take_back(self.stamps)
            for column, code in now:
                column.add(row, code, stamp)
            self.stamps[row] = stamp
            self.values_of_row[row] = now

    def _held_by(self, row: int) -> tuple[int, int, _Values]:
        """What a product has that other products may have as well: brand, category, values."""
        return int(self._room["brand"][row]), int(self._room["category"][row]), self.values_of_row[row]

    def _count(self, before: tuple[int, int, _Values] | None, now: tuple[int, int, _Values] | None) -> None:
        """One product had this and has that now; first what it has, so that what stays is never missing."""
        if before == now:
            return
        if now is not None:
            brand, node, values = now
            self.brands.hold(brand)
            self.tree.hold(node)
            for column, code in values:
                column.values.hold(code)
            for column in {column for column, _ in values}:
                column.holders += 1
        if before is not None:
            brand, node, values = before
            self.brands.release(brand)
            self.tree.release(node)
            for column, code in values:
                column.values.release(code)
            for column in {column for column, _ in values}:
                column.holders -= 1


def microseconds(moment: datetime | None) -> int:
    """Microseconds since 1970, UTC; 0 for None. A time without a zone is UTC."""
    if moment is None:
        return 0
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1e6)


def _number(value: Decimal | int | None) -> float:
    return np.nan if value is None else float(value)
