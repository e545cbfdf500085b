"""A made-up shop whose visitors click by a rule that is known: a look by place, then a liking of query and product.

Whoever learns from clicks can be judged by what people really like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY, EventType
from shoplens.store.records import SearchRecord, SearchResponse

SHOWN = 10
START = 1_700_000_000_000_000


@dataclass(frozen=True)
class PlantedShop:
    """Queries × products, and what is true of them."""

    liking: npt.NDArray[np.float64]  # [queries, products] probability that somebody who looks takes it
    words: npt.NDArray[np.float64]  # what the words say: right in part
    quality: npt.NDArray[np.float64]  # [products]; nobody tells the search
    look: npt.NDArray[np.float64]  # [SHOWN] probability that a place is looked at

    @classmethod
    def make(cls, *, queries: int = 60, products: int = 40, steep: float = 1.0, seed: int = 0) -> PlantedShop:
        """Liking follows half the words, half the quality of the product, and a taste of the query's own."""
        random = np.random.default_rng(seed)
        words = random.normal(size=(queries, products))
        quality = random.normal(size=products)
        own = random.normal(size=(queries, products))
        liking = 1 / (1 + np.exp(-(-2.0 + 0.7 * words + 0.9 * quality + 0.7 * own)))
        return cls(liking, words, quality, np.arange(1, SHOWN + 1.0) ** -steep)

    def scores(self, query: int) -> npt.NDArray[np.float32]:
        """The order without clicks."""
        return np.asarray(self.words[query] / 6 + 0.5, np.float32)

    def visit(
        self, answers: int, *, shaken: float = 0.3, days: float = 42.0, seed: int = 0
    ) -> tuple[list[SearchRecord], list[SearchResponse]]:
        """People search and click; `shaken`: how far the order changes from one answer to the next."""
        random = np.random.default_rng([seed, 1])
        records: list[SearchRecord] = []
        responses: list[SearchResponse] = []
        queries = len(self.liking)
        for number in range(answers):
            query = int(queries * random.random() ** 2)  # some queries are asked much more often
            base = self.words[query] + shaken * random.normal(size=self.words.shape[1])
            shown = np.argsort(-base)[:SHOWN]
            when = START + int(number / answers * days * MICROSECONDS_PER_DAY)
            record = SearchRecord(
                impression_id=f"imp{number}",
                timestamp=when,
                query=f"query {query}",
                user_id=f"u{random.integers(answers // 3 + 1)}",
                total=len(base),
                shown=tuple(f"i{item}" for item in shown),
                features={
                    "score": tuple(self.scores(query)[shown].tolist()),
                    "words": tuple(self.words[query][shown].tolist()),
                    "popularity": tuple((self.quality[shown] + random.normal(size=SHOWN)).tolist()),
                },
            )
            records.append(record)
            clicked = random.random(SHOWN) < self.look * self.liking[query][shown]
            responses += [_click(record, place) for place in np.flatnonzero(clicked).tolist()]
        return records, responses

    def true_ndcg(self, order_of: dict[int, npt.NDArray[np.int64]]) -> float:
        """Mean NDCG@10 of orders by query (products, best first), by what people really like."""
        discounts = 1 / np.log2(np.arange(2, SHOWN + 2))
        figures = []
        for query, order in order_of.items():
            ideal = -np.sort(-self.liking[query][order])[:SHOWN] @ discounts
            figures.append(self.liking[query][order[:SHOWN]] @ discounts / ideal)
        return float(np.mean(figures))

    def candidates(self) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """The best 20 products of each query by words: what there is to be put in order."""
        for query in range(len(self.liking)):
            yield query, np.argsort(-self.words[query])[:20]


def _click(record: SearchRecord, place: int) -> SearchResponse:
    item, when = record.shown[place], record.timestamp + 1_000_000
    return SearchResponse(record.impression_id, record.query, item, EventType.CLICK, when, place + 1)
