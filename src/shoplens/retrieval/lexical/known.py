"""Products that were found lately, by numbers: hits are compared, filtered and joined without reading their ids."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy

from shoplens.retrieval.lexical.schema import CONTENT, ID, NUMBER

KEPT = 100_000_000  # bytes, from which on a new table is begun
OVERHEAD = 300  # bytes of a product beside its content: id, number, places in the tables

Places = npt.NDArray[np.int64]
RowOf = Callable[[Sequence[str]], npt.NDArray[np.int64]]


class KnownProducts:
    """A table of products as they were indexed: place → item id and `content` (see `schema`). It only grows.

    Whoever searches uses one table from begin to end. It belongs to no state of the index: a number means the same
    product with the same texts in all of them.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.contents: list[bytes] = []
        self._size = 0
        self._places: dict[int, int] = {}
        self._lock = threading.Lock()
        self._row_of: RowOf | None = None
        self._rows = np.zeros(0, np.int64)

    @property
    def full(self) -> bool:
        """Whether it is time for a new table."""
        return self._size > KEPT

    def places(self, searcher: tantivy.Searcher, addresses: Sequence[tantivy.DocAddress]) -> Places:
        """Where hits stand in this table, into which they are read if they are new. [n]"""
        numbers: list[Any] = searcher.fast_field_values(NUMBER, list(addresses))
        places = np.fromiter(map(self._places.get, numbers, repeat(-1)), np.int64, len(numbers))
        for hit in np.flatnonzero(places < 0).tolist():
            stored = searcher.doc(addresses[hit])
            places[hit] = self._add(numbers[hit], str(stored[ID][0]), bytes(stored[CONTENT][0]))
        return places

    def names(self, places: Places) -> list[str]:
        """Item ids. [n]"""
        ids = self.ids
        return [ids[place] for place in places.tolist()]

    def rows(self, places: Places, row_of: RowOf) -> npt.NDArray[np.int64]:
        """The caller's rows, 0 where unknown. A row, once told, is not asked for again. [n]"""
        with self._lock:
            if self._row_of != row_of:
                self._row_of, self._rows = row_of, np.zeros(0, np.int64)
            if len(self._rows) < len(self.ids):
                grown = np.zeros(2 * len(self.ids), np.int64)
                grown[: len(self._rows)] = self._rows
                self._rows = grown
            table = self._rows
        rows = table[places]
        unknown = np.flatnonzero(rows == 0)
        if len(unknown):
            rows[unknown] = row_of(self.names(places[unknown]))
            table[places[unknown]] = rows[unknown]
        return rows

    def _add(self, number: int, item_id: str, content: bytes) -> int:
        with self._lock:
            place = self._places.get(number)
            if place is None:
                place = len(self.ids)
                self.ids.append(item_id)
                self.contents.append(content)
                self._size += len(content) + OVERHEAD
                self._places[number] = place
        return place
