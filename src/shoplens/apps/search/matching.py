"""Which products match a question: a head, which is ranked with care, and behind it all the others that words find.

The head is the same whatever is asked beside it (facets, another page), so the ranking does not move between pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.paging import Rows, TieKeys, first
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical.query import Query

Floats = npt.NDArray[np.float32]
HEAD = 200  # products that every signal, clicks and the person's taste put in order
HEAD_OF_VECTORS = 1_000  # the same without words: then only what is near at all can be counted
ENOUGH = 0.6  # of the best product's share of the query's words, below which a product is no match but a guess
BY_DEMAND = 0.1  # of the order behind the head; the rest is coverage


class WordsFound:
    """How much of the words each product has, whatever is filtered: looked up when it is first needed, once for a
    request."""

    def __init__(self, hybrid: HybridIndex, asked: Asked) -> None:
        self._hybrid = hybrid
        self._asked = asked
        self._coverage: Floats | None = None

    def coverage(self, size: int) -> Floats:
        """0 where words do not find a product. [size]"""
        if self._coverage is None:
            self._coverage = self._hybrid.coverage(self._asked)
        told = self._coverage[:size]
        return np.concatenate([told, np.zeros(size - len(told), np.float32)]) if len(told) < size else told


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is looked for, and among which products."""

    asked: Asked
    allowed: Mask
    words: WordsFound
    whole: bool = False  # the filters say all that the words say: every product that they keep matches

    @property
    def browses(self) -> bool:
        """Whether nothing is asked: then all products match."""
        return not self.asked.text and not self.asked.given


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The best matches, best first."""

    rows: Rows
    scores: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict)
    query: Query | None = None
    by_words: int = 0  # products that words find in all
    coverage: float = 0.0  # of the query's words, by the product that has most of them

    @classmethod
    def empty(cls) -> Self:
        """Nothing matches."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The other matches, in no order."""

    rows: Rows
    scores: npt.NDArray[np.float64]  # by which they are ordered among themselves, 0 to 1


class Matching:
    """Finds what matches."""

    def __init__(
        self,
        facts: CatalogueFacts,
        hybrid: Callable[[], HybridIndex],
        popularity: Callable[[], npt.NDArray[np.float32]],
        ties: TieKeys,
    ) -> None:
        self._facts = facts
        self._hybrid = hybrid
        self._popularity = popularity
        self._ties = ties

    def popularity(self, rows: Rows) -> Floats:
        """How wanted products are; those that came after it was computed are 0. [len(rows)]"""
        popular = self._popularity()
        result = np.zeros(len(rows), np.float32)
        known = rows < len(popular)
        result[known] = popular[rows[known]]
        return result

    def question(self, asked: Asked, allowed: Mask, *, whole: bool) -> Question:
        """What is looked for; `whole`: see `Question`."""
        return Question(asked, allowed, WordsFound(self._hybrid(), asked), whole)

    def head(self, question: Question) -> Head:
        """The best matches."""
        if question.browses:
            rows = np.flatnonzero(question.allowed)
            shares = self._shares(rows)
            best = first((-shares, self._ties.of(rows)), HEAD)
            return Head(rows[best], shares[best].astype(np.float32))
        many = HEAD if question.asked.text else HEAD_OF_VECTORS
        found = self._hybrid().search(question.asked, many, question.allowed)
        scores = np.nan_to_num(found.scores, nan=0.0, posinf=0.0, neginf=0.0)
        head = Head(found.rows, scores, found.parts, found.query, found.by_words, found.coverage)
        return self._filled(head, question.allowed) if question.whole else head

    def _filled(self, head: Head, allowed: Mask) -> Head:
        """The head with the most popular of all that matches behind it, where every allowed product does."""
        others = allowed.copy()
        others[head.rows] = False
        rows = np.flatnonzero(others)
        shares = self._shares(rows)
        best = first((-shares, self._ties.of(rows)), max(HEAD - len(head.rows), 0))
        least = max(float(head.scores.min()), 0.0) if len(head.scores) else 1.0
        behind = (least * shares[best]).astype(np.float32)
        unknown = np.full(len(best), np.nan, np.float32)
        return replace(
            head,
            rows=np.concatenate([head.rows, rows[best]]),
            scores=np.concatenate([head.scores, behind]),
            parts={name: np.concatenate([part, unknown]) for name, part in head.parts.items()},
        )

    def behind(self, question: Question, head: Head) -> Mask:
        """All matches that are not in the head: what words find, guesses left out. bool [len(allowed)]"""
        if question.browses or question.whole:
            others = question.allowed.copy()
        else:
            coverage = question.words.coverage(len(question.allowed))
            best = float(np.max(coverage, where=question.allowed, initial=0.0))
            others = question.allowed & (coverage > 0) & (coverage >= ENOUGH * best)
        others[head.rows] = False
        return others

    def tail(self, question: Question, behind: Mask) -> Tail:
        """These, to be ranked: by how much of the words they have, then by how wanted they are."""
        rows = np.flatnonzero(behind)
        shares = self._shares(rows)
        if question.browses or question.whole:
            return Tail(rows, shares)
        covered = question.words.coverage(len(behind))[rows].astype(np.float64)
        return Tail(rows, (1 - BY_DEMAND) * covered + BY_DEMAND * shares)

    def mask(self, question: Question, head: Head | None = None) -> Mask:
        """All matches. `head`: of this question, where it is known. bool [len(allowed)]"""
        if question.browses or question.whole:
            return question.allowed
        head = head if head is not None else self.head(question)
        mask = self.behind(question, head)
        mask[head.rows] = True
        return mask

    def _shares(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Popularity as a share of the most popular product's."""
        popular = self.popularity(rows).astype(np.float64)
        most = float(popular.max()) if len(popular) else 0.0
        return popular / most if most > 0 else popular
