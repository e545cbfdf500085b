"""A search over products in memory: words only, or with vectors; for tests of what stands around a search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

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


@dataclass(slots=True)
class SearchedShop:
    """Products, and an engine that finds them. `popular`: item_id → how wanted it is."""

    facts: CatalogueFacts
    words: LexicalIndex
    hybrid: HybridIndex
    engine: SearchEngine
    popular: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, products: Iterable[Product], signals: Sequence[VectorSignal] = (), **options: Any) -> Self:
        """`options`: further arguments of SearchEngine (personal, clicks, curation, glossary …)."""
        goods = list(products)
        facts = CatalogueFacts(goods)
        words = LexicalIndex.open(None, Analyser())
        words.apply([document_of(one) for one in goods], (), 1)
        hybrid = HybridIndex(words, signals, row_of=facts.rows, id_of=_ids_of(facts))
        popular: dict[str, float] = {}

        def popularity() -> npt.NDArray[np.float32]:
            return np.fromiter((popular.get(name, 0.0) for name in facts.ids), np.float32, len(facts))

        engine = SearchEngine(facts, lambda: hybrid, popularity=popularity, **options)
        return cls(facts, words, hybrid, engine, popular)

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


def _ids_of(facts: CatalogueFacts) -> Callable[[npt.NDArray[np.int64]], list[str]]:
    return lambda rows: [facts.ids[row] for row in rows.tolist()]
