"""What rules must know of every product, in arrays: price, stock, brand, category, attributes. Always as fresh as the
store: the runtime applies each change here.

Rows are in order of arrival and never reused; row 0 is no product at all, so that "unknown" has a row too. Changes wait
for one another, readers wait for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.recommend import facet_counts
from shoplens.recommend.fact_tables import AVAILABILITY_CODES, COLUMNS, Columns, FactTables, microseconds
from shoplens.recommend.filters import Filter
from shoplens.recommend.masks import in_stock, mask_of
from shoplens.recommend.review_tone import ReviewTone
from shoplens.recommend.value_column import Mask

__all__ = ["AVAILABILITY_CODES", "COLUMNS", "CatalogueFacts", "Columns", "Mask", "microseconds"]


class CatalogueFacts:
    """Facts of all products. `version` changes with every change, so that masks may be kept until then.

    `review_tone` is what people say about products, where a shop wants to feel that in rankings.

    Fields are named as in filters: category, brand, availability, price, stock, created_at, attributes.NAME.
    """

    def __init__(self, products: Iterable[Product] = ()) -> None:
        self.version = 0
        self.review_tone = ReviewTone()
        self._tables = FactTables()
        self._lock = threading.Lock()
        self.apply(products)

    def __len__(self) -> int:
        """Rows in use, row 0 included."""
        return len(self._tables.columns)

    @property
    def ids(self) -> list[str]:
        """Row → item_id."""
        return self._tables.ids

    @property
    def titles(self) -> list[str]:
        """Row → title."""
        return self._tables.titles

    @property
    def columns(self) -> Columns:
        """The arrays as of now; take them once for a calculation."""
        return self._tables.columns

    @property
    def currency(self) -> str:
        """See `FactTables.currency`."""
        return self._tables.currency

    def row(self, item_id: str) -> int:
        """Row of a product, 0 when there is none."""
        return self._tables.rows.get(item_id, 0)

    def rows(self, item_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Rows of many products, 0 where unknown."""
        get = self._tables.rows.get
        return np.fromiter((get(name, 0) for name in item_ids), np.int64)

    @property
    def known(self) -> int:
        """Products that the shop told of; others are known only because events name them."""
        return self._tables.real

    @property
    def stubs_offered(self) -> bool:
        """A shop that never sent a product knows its products only from events; then those are what it offers."""
        return self.known == 0

    def apply(self, products: Iterable[Product]) -> None:
        """Insert or replace products."""
        with self._lock:
            for product in products:
                self._tables.put(product)
            self._tables.publish()
            self.version += 1

    def remove(self, item_id: str) -> None:
        """The product left the catalogue; its row stays and is never offered."""
        with self._lock:
            if self._tables.remove(item_id):
                self.version += 1

    def offered(self) -> Mask:
        """Products that a shopper may be shown and can order. [len(columns)]"""
        columns = self.columns
        mask = columns.listed & columns.orderable
        return mask if self.stubs_offered else mask & ~columns.stub

    def in_stock(self) -> Mask:
        """Products that can be sent today: orderable, and neither preorder nor backorder. [len(columns)]"""
        return in_stock(self.columns)

    def mask(self, wanted: Filter) -> Mask:
        """Products that a filter keeps. [len(columns)]"""
        return mask_of(wanted, self._tables)

    def same_place(self, row: int) -> npt.NDArray[np.int64]:
        """Rows of the same narrowest category; of the same brand when there is no category; empty without either."""
        columns = self.columns
        for column in (columns.category, columns.brand):
            if column[row]:
                return np.flatnonzero(column == column[row])
        return np.zeros(0, np.int64)

    def group(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Group of variants of each row, 0 where a product has no variants. [len(rows)]"""
        return self.columns.group[rows].astype(np.int64)

    def brand_of(self, row: int) -> str:
        """Brand as first spelled in the catalogue; "" without one."""
        return self._tables.brands.shown[int(self.columns.brand[row])]

    def category_path_of(self, row: int) -> tuple[str, ...]:
        """Category from broad to narrow, as first spelled; () without one."""
        return self._tables.tree.shown[int(self.columns.category[row])]

    def attributes_of(self, row: int) -> Mapping[str, tuple[str, ...]]:
        """Attributes, names and values as first spelled in the catalogue."""
        return facet_counts.attributes_of(self._tables, row)

    def first_values(self, name: str) -> tuple[npt.NDArray[np.int32], list[str]]:
        """Of each product the code of its first value of an attribute, 0 without one, [len(columns)]; and the values by
        code, as first spelled."""
        codes = np.zeros(len(self.columns), np.int32)
        column = self._tables.attributes.get(name.casefold())
        if column is None:
            return codes, [""]
        column.first(self._tables.stamps, codes)
        return codes, column.values.shown

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """What an attribute says as a number, of each product; NaN where it says none. [len(columns)]"""
        result = np.full(len(self.columns), np.nan)
        column = self._tables.attributes.get(name.casefold())
        if column is not None:
            column.spread(column.numbers(), self._tables.stamps, result)
        return result

    def worth(self, name: str, of: Callable[[str], float]) -> npt.NDArray[np.float64]:
        """Of each product what its value of an attribute (or "brand") is worth, 0 to 1; 0 without one, of several the
        best. `of` is asked once a value. [len(columns)]"""
        result = np.zeros(len(self.columns))
        if name == "brand":
            codes = self.columns.brand  # before the names, which may become more meanwhile
            return np.array([of(brand) if brand else 0.0 for brand in self._tables.brands.shown])[codes]
        column = self._tables.attributes.get(name.casefold())
        if column is not None:
            each = np.array([of(value) if value else 0.0 for value in column.values.shown])
            for some in (np.where((each > 0) & (each < 1), each, np.nan), np.where(each >= 1, each, np.nan)):
                column.spread(some, self._tables.stamps, result)
        return result

    def fields(self) -> list[str]:
        """Fields that make facets, those that most products have first."""
        return facet_counts.facet_fields(self._tables)

    def is_number(self, field: str) -> bool:
        """Whether a field's facet is a range: price, stock, created_at, attributes whose values are mostly numbers."""
        return facet_counts.says_numbers(self._tables, field)

    def unit(self, field: str) -> str:
        """Unit of an attribute's numbers in `number_range`: ml, g, mm or the shop's own; "" without one."""
        return facet_counts.unit_of(self._tables, field)

    def counts(self, field: str, mask: Mask, limit: int | None = None, *, depth: int = 1) -> list[tuple[str, int]]:
        """Values of a field and how many products of the mask have each, the most frequent first.

        A value is spelled as it was first. A category counts at one `depth` (1 = the broadest), with its whole path
        "Women > Shoes"; products whose own lies above are left out. InputError for a field of numbers, or no field.
        """
        return facet_counts.value_counts(self._tables, field, mask, limit, depth=depth)

    def number_range(self, field: str, mask: Mask) -> tuple[float, float] | None:
        """Smallest and largest number in the mask (created_at: seconds since 1970; see `unit`); None without any."""
        return facet_counts.number_range(self._tables, field, mask)

    def histogram(self, field: str, mask: Mask, bins: int = 10) -> list[int]:
        """Products of the mask in equal steps over `number_range`; empty without any."""
        return facet_counts.number_histogram(self._tables, field, mask, bins)

    def values_of(self, field: str) -> Mapping[str, str]:
        """Values that products in the catalogue have: letter case folded → as first spelled; categories as paths.

        Categories include all that lies above them. The same object until these values change.
        """
        return facet_counts.present_values(self._tables, field)
