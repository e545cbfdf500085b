"""The words' side of hybrid search: what they find, and what they say of products that were found otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.retrieval.asked import Asked
from shoplens.retrieval.base import Mask
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.lexical.looking import Among, Keeps
from shoplens.retrieval.lexical.query import Query
from shoplens.retrieval.other_words import Weighted, other_words

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]

NARROW = 4_000  # matches that a filter keeps, up to which words are searched among them only: 7 ms for so many …
NARROWER = 0.3  # … where they are less than that share of all matches; else enough of the best pass


@dataclass(frozen=True, slots=True, eq=False)
class ByWords:
    """What words found, best first."""

    asked: Asked
    query: Query
    extra: Weighted
    rows: RowNumbers  # [m]
    scores: Floats  # [m], as the index of words gives them: larger is better, 0 is nothing
    coverage: Floats  # [m], share of the query's words that the product has, weighed by how rare they are
    total: int
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class WordSearch:
    """An index of words, asked in rows. `row_of`, `id_of`: see `HybridIndex`."""

    index: LexicalIndex
    row_of: Callable[[Sequence[str]], RowNumbers]
    id_of: Callable[[RowNumbers], list[str]]

    def find(
        self, asked: Asked, meanings: Sequence[str], names: bool, depth: int, allowed: Mask | None
    ) -> ByWords | None:
        """The `depth` best products; None when there is no word in the text. meanings, names: see `other_words`."""
        query = self.index.parse(asked.text)
        if not query:
            return None
        extra = other_words(asked.text, meanings, names=names)
        only: Sequence[str] | None = None
        keeps: Keeps | None = None
        among: Among | None = None
        if allowed is not None:
            matched = self.coverage(asked, meanings, names) > 0
            size = min(len(matched), len(allowed))
            matching = np.flatnonzero(matched[:size] & allowed[:size])
            among = Among(len(matching), lambda: self.id_of(matching))
            if among.count <= NARROW and among.count < NARROWER * np.count_nonzero(matched):
                only = among.ids()
            else:
                keeps = self._filter(allowed)
        found = self.index.find(
            query, depth, extra=extra, keeps=keeps, among=among, only=only, prefix=asked.prefix, typos=asked.typos
        )  # fmt: skip
        rows = found.known.rows(found.places, self.row_of)
        known = _within(rows, allowed)
        return ByWords(
            asked, query, extra, rows[known], found.scores[known], found.coverage[known], found.total, found.exact
        )

    def coverage(self, asked: Asked, meanings: Sequence[str], names: bool) -> Floats:
        """How much of what is asked each product has that `find` would find in all; see `LexicalIndex.coverage`."""
        extra = other_words(asked.text, meanings, names=names)
        query = self.index.parse(asked.text)
        return self.index.coverage(query, self.row_of, extra=extra, prefix=asked.prefix, typos=asked.typos)

    def part(self, found: ByWords, rows: RowNumbers) -> Floats:
        """What words say of these rows, also of those that the search did not come to: share of the best match's score,
        times the share of the query that the best match covers. 0 to 1."""
        part = np.zeros(len(rows), np.float32)
        if not len(found.rows):
            return part
        order = np.argsort(found.rows)
        place = np.minimum(np.searchsorted(found.rows[order], rows), len(order) - 1)
        known = found.rows[order[place]] == rows
        part[known] = found.scores[order[place[known]]]
        missing = np.flatnonzero(~known)
        if len(missing) and found.total > len(found.rows):
            part[missing], _ = self.index.score(
                found.query, self.id_of(rows[missing]), extra=found.extra, prefix=found.asked.prefix,
                typos=found.asked.typos,
            )  # fmt: skip
        best = int(found.scores.argmax())
        scale = (float(found.coverage[best]) or 1.0) / max(float(found.scores[best]), 1e-9)
        share: Floats = np.clip(part * np.float32(scale), 0.0, 1.0)
        return share

    def wanted(self, query: Query, rows: RowNumbers, matched: Mask) -> Mask:
        """Vectors know neither phrases nor exclusions: which of the rows keep to them? [len(rows)]"""
        wanted = np.ones(len(rows), bool)
        if query.phrases:
            wanted &= matched
        loose = np.flatnonzero(~matched)
        if query.excluded and len(loose):
            ids = self.id_of(rows[loose])
            for chain in query.excluded:
                hits = self.index.search(Query(query.text, phrases=(chain,)), len(ids), only=ids, typos=False)
                unwanted = set(hits.item_ids)
                wanted[loose[[name in unwanted for name in ids]]] = False
        return wanted

    def _filter(self, allowed: Mask) -> Keeps:
        return lambda known, places: _within(known.rows(places, self.row_of), allowed)


def _within(rows: RowNumbers, allowed: Mask | None) -> Mask:
    """Which rows are known and allowed. [len(rows)]"""
    kept: Mask = rows > 0
    if allowed is not None:
        kept &= rows < len(allowed)
        kept[kept] = allowed[rows[kept]]
    return kept
