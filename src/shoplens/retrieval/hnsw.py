"""Hierarchical navigable small worlds (Malkov and Yashunin 2018) through faiss, with filters that keep their recall."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from shoplens.retrieval.base import Mask, Rows, Scores, Vectors, as_vectors, best_of, search_subset

FILE_NAME = "index.faiss"


class HnswIndex:
    """Graph search; a filter that keeps few rows is answered exactly instead, where a graph would lose its way.

    `links`: neighbours a node (faiss calls it M). `breadth`: candidates followed in a search (efSearch).
    `exact_below`: share of rows kept by a filter under which the search goes through the kept rows one by one.
    """

    name = "hnsw"

    def __init__(
        self, *, links: int = 32, build_breadth: int = 120, breadth: int = 96, exact_below: float = 0.03
    ) -> None:
        self.links = links
        self.build_breadth = build_breadth
        self.breadth = breadth
        self.exact_below = exact_below
        self._index: Any = None
        self._writing = threading.Lock()

    def __len__(self) -> int:
        return 0 if self._index is None else int(self._index.ntotal)

    def build(self, vectors: Vectors) -> Self:
        """See `Index.build`."""
        array = as_vectors(vectors)
        index = faiss.IndexHNSWFlat(array.shape[1], self.links, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = self.build_breadth
        if len(array):
            index.add(array)
        self._index = index
        return self

    def add(self, vectors: Vectors) -> None:
        """See `Index.add`. Searches must wait meanwhile: faiss does not lock."""
        if self._index is None:
            self.build(vectors)
            return
        with self._writing:
            self._index.add(as_vectors(vectors, self._index.d))

    @property
    def vectors(self) -> Vectors:
        """All stored vectors, a view into faiss's memory. [n, size]"""
        if not len(self):
            return np.zeros((0, 0), np.float32)
        storage: Any = faiss.downcast_index(self._index.storage)
        flat: Vectors = faiss.rev_swig_ptr(storage.get_xb(), len(self) * self._index.d)
        return flat.reshape(len(self), self._index.d)

    def search(self, vectors: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Scores]:
        """See `Index.search`."""
        queries = as_vectors(vectors, self._index.d if len(self) else None)
        if not len(self):
            return best_of(np.zeros((len(queries), 0), np.float32), k, np.zeros(0, np.int64))
        kept = min(k, len(self))
        parameters = faiss.SearchParametersHNSW()  # type: ignore[attr-defined]  # missing in faiss's stubs
        parameters.efSearch = max(self.breadth, 2 * kept)
        if allowed is not None:
            rows = np.flatnonzero(allowed)
            share = len(rows) / len(self)
            # A graph must walk about breadth / share nodes, each with its links; the rows themselves may be fewer.
            if share < self.exact_below or len(rows) * share < 20 * self.breadth or len(rows) <= 2 * k:
                return search_subset(self.vectors, rows, queries, k)
            # A filter thins out what the search may return but not what it walks through: look further.
            parameters.efSearch = min(len(self), int(parameters.efSearch / max(share, 0.1)))
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(self), faiss.swig_ptr(bits))
            parameters.sel = selector
        scores, rows_found = self._index.search(queries, kept, params=parameters)
        found = np.full((len(queries), k), -1, np.int64)
        values = np.full((len(queries), k), -np.inf, np.float32)
        found[:, :kept] = rows_found
        values[:, :kept] = np.where(rows_found >= 0, scores, -np.inf)
        return found, values

    def save(self, folder: Path) -> None:
        """See `Index.save`."""
        if self._index is None:
            raise ValueError("nothing to save: build the index first")
        faiss.write_index(self._index, str(folder / FILE_NAME))

    @classmethod
    def load(cls, folder: Path, *, mapped: bool = False) -> Self:
        """See `Index.load`. `mapped`: numbers stay in the file, which processes share; nothing can be added."""
        index = cls()
        index._index = faiss.read_index(str(folder / FILE_NAME), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        index.links = index._index.hnsw.nb_neighbors(1)
        return index
