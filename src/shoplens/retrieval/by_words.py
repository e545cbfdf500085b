"""The words' side of hybrid search: what they find, and what they say of products that were found otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from shoplens.retrieval.asked import Asked
from shoplens.retrieval.base import Mask
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.lexical.looking import Among, FoundPlaces, Keeps
from shoplens.retrieval.lexical.query import Query
from shoplens.retrieval.other_words import Weighted, other_words

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]
Looks = Callable[..., FoundPlaces]  # `LexicalIndex.find` of one query

NARROW = 4_000  # products that may be named to be looked at: 7 ms for so many
FEW = 500  # matches that a filter keeps which are all looked at
NARROWER = 0.3  # share of the matches that a filter keeps, from which on enough of the best pass it
ROUNDING = 1e-3  # of coverage that is computed in two places


@dataclass(frozen=True, slots=True, eq=False)
class ByWords:
    """What words found, best first."""

    asked: Asked
    query: Query
    extra: Weighted
    rows: RowNumbers  # [m]
    scores: Floats  # [m], as the index of words gives them: larger is better, 0 is nothing
    coverage: Floats  # [m], share of the query's words that the product has, weighed by how rare they are
    total: int  # of which these are the best


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
        look = partial(self.index.find, query, extra=extra, prefix=asked.prefix, typos=asked.typos)
        if allowed is None:
            found = look(depth)
        else:
            covered = self.coverage(asked, meanings, names)
            size = min(len(covered), len(allowed))
            matching = np.flatnonzero((covered[:size] > 0) & allowed[:size])
            share = len(matching) / max(int(np.count_nonzero(covered)), 1)
            among = Among(len(matching), share, lambda: self.id_of(matching))
            most = partial(self.index.most, query, extra=extra, prefix=asked.prefix, typos=asked.typos)
            chosen = self._among(look, depth, matching, covered[matching], most) if share < NARROWER else None
            found = chosen if chosen is not None else look(depth, keeps=self._filter(allowed), among=among)
        rows = found.known.rows(found.places, self.row_of)
        known = _within(rows, allowed)
        return ByWords(asked, query, extra, rows[known], found.scores[known], found.coverage[known], found.total)

    def _among(
        self, look: Looks, depth: int, rows: RowNumbers, covered: Floats, most: Callable[[], float]
    ) -> FoundPlaces | None:
        """The best of these matches, of which only those are looked at that cover enough; None where they are many.

        most: what any product scores at most before coverage. One that covers c scores at most that times c², which
        tells whether it could come before the last one of those that cover most.
        """
        if len(rows) <= FEW:
            return look(depth, only=self.id_of(rows))
        least = np.partition(covered, -depth)[-depth] if depth < len(rows) else np.float32(0)
        chosen = rows[covered >= least]
        if len(chosen) > NARROW:
            return None
        found = look(depth, only=self.id_of(chosen))
        if len(chosen) < len(rows):
            enough = np.sqrt(found.scores.min(initial=np.inf) / most()) if len(found.scores) == depth else 0.0
            several = rows[covered >= enough * (1 - ROUNDING)]
            if len(several) > NARROW:
                return None
            if not np.isin(several, chosen, assume_unique=True).all():
                found = look(depth, only=self.id_of(several))
        return replace(found, total=max(found.total, len(rows)))

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
            query, extra, prefix, typos = found.query, found.extra, found.asked.prefix, found.asked.typos
            covered = self.index.coverage(query, self.row_of, extra=extra, prefix=prefix, typos=typos)
            missing = missing[rows[missing] < len(covered)]
            missing = missing[covered[rows[missing]] > 0]  # most that only a vector finds have none of the words
            if len(missing):
                ids = self.id_of(rows[missing])
                part[missing], _ = self.index.score(query, ids, extra=extra, prefix=prefix, typos=typos)
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
