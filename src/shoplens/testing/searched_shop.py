"""A search over products in memory: words only, or with vectors; for tests of what stands around a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.engine import SearchEngine
from shoplens.domain.catalogue import Product
from shoplens.recommend.asking import Ask, Found
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.documents import document_of
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.semantic import VectorSignal


class SearchedShop:
    """Products, and an engine that finds them by words. `popular`: item_id → how wanted it is.

    `options`: further arguments of SearchEngine (personal, clicks, curation, glossary …).
    """

    def __init__(self, products: Iterable[Product], signals: Sequence[VectorSignal] = (), **options: Any) -> None:
        goods = list(products)
        self.facts = CatalogueFacts(goods)
        self.words = LexicalIndex.open(None, Analyser())
        self.words.apply([document_of(one) for one in goods], (), 1)
        self.hybrid = HybridIndex(self.words, signals, row_of=self.facts.rows, id_of=self._ids)
        self.popular: dict[str, float] = {}
        self.engine = SearchEngine(self.facts, lambda: self.hybrid, popularity=self._popularity, **options)

    def search(self, text: str = "", **asked: Any) -> Found:
        """`asked`: further fields of `Ask`."""
        return self.engine.search(Ask(text=text, **asked))

    def upsert(self, *products: Product) -> None:
        """Insert or replace products, findable at once."""
        self.facts.apply(products)
        self.words.apply([document_of(one) for one in products], (), self.words.revision + 1)

    def remove(self, *item_ids: str) -> None:
        """Take products out of the catalogue."""
        for item_id in item_ids:
            self.facts.remove(item_id)
        self.words.apply((), item_ids, self.words.revision + 1)

    def _ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        return [self.facts.ids[row] for row in rows.tolist()]

    def _popularity(self) -> npt.NDArray[np.float32]:
        wanted = (self.popular.get(name, 0.0) for name in self.facts.ids)
        return np.fromiter(wanted, np.float32, len(self.facts.ids))
