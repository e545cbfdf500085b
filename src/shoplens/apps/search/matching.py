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
from shoplens.retrieval.by_words import ByWords
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical.query import Query

Floats = npt.NDArray[np.float32]
HEAD = 200  # products that every signal, clicks and the person's taste put in order
HEAD_OF_VECTORS = 1_000  # the same without words: then only what is near at all can be counted
MATCHES = 20_000  # products that words find which are counted exactly
MOSTLY = 0.5  # of these, which a filter has to keep so that it is no use to look for others in their places
NARROWER = 0.4  # of what words find, up to which to look among what a filter keeps is less work: 4 µs for each, not 2
COUNTED = 2_000  # products with any of the words, up to which the matches are always counted exactly
ENOUGH = 0.6  # of the best product's share of the query's words, below which a product is no match but a guess


class WordsFound:
    """All that words find, whatever is filtered: looked up when it is first needed, once for a request."""

    def __init__(self, hybrid: HybridIndex, asked: Asked) -> None:
        self._hybrid = hybrid
        self._asked = asked
        self._found: list[ByWords | None] = []
        self._least = 0.0
        self._latest: tuple[Mask, float, ByWords | None] | None = None

    def within(self, allowed: Mask, least: float) -> ByWords | None:
        """What they find among the allowed products, coverage below `least` left out where that saves work.

        None when there are no words. The page and its facets ask for the same.
        """
        if self._latest is None or self._latest[0] is not allowed or self._latest[1] != least:
            self._latest = allowed, least, self._within(allowed, least)
        return self._latest[2]

    def _within(self, allowed: Mask, least: float) -> ByWords | None:
        if not self._found or least < self._least:
            among = int(np.count_nonzero(allowed))
            if among <= NARROWER * self._hybrid.count_by_words(self._asked, MATCHES, least=least):
                return self._hybrid.by_words(self._asked, MATCHES, allowed, least=least)
            self._found, self._least = [self._hybrid.by_words(self._asked, MATCHES, least=least)], least
        found = self._found[0]
        if found is None:
            return None
        kept = found.rows < len(allowed)
        kept[kept] = allowed[found.rows[kept]]
        count = int(np.count_nonzero(kept))
        if not found.exact or found.total > len(found.rows):  # the filter may keep others than the best
            about = round(found.total * count / max(len(kept), 1))
            if about <= MATCHES or count < MOSTLY * len(kept):  # all of them can be counted, or too few are left
                return self._hybrid.by_words(self._asked, MATCHES, allowed, least=least)
            count = about
        return replace(
            found,
            rows=found.rows[kept],
            scores=found.scores[kept],
            coverage=found.coverage[kept],
            total=count,
        )


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
    total: int = 0  # products that match in all; estimated where `light` is False
    complete: bool = False  # whether there are no others behind these
    light: bool = True  # whether the others are so few that it is no work to look at all of them

    @classmethod
    def empty(cls) -> Self:
        """Nothing matches."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), complete=True)

    def settled(self) -> Self:
        """With what follows from the total."""
        return replace(self, complete=self.light and self.total <= len(self.rows))


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The other matches, in no order."""

    rows: Rows
    scores: npt.NDArray[np.float64]  # by which they are ordered among themselves, 0 to 1
    exact: bool  # whether these are all


NO_TAIL = Tail(np.zeros(0, np.int64), np.zeros(0), False)


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
            scores = shares[best].astype(np.float32)
            return Head(rows[best], scores, total=len(rows), light=len(rows) <= MATCHES).settled()
        hybrid = self._hybrid()
        many = HEAD if question.asked.text else HEAD_OF_VECTORS
        found = hybrid.search(question.asked, many, question.allowed)
        scores = np.nan_to_num(found.scores, nan=0.0, posinf=0.0, neginf=0.0)
        head = Head(found.rows, scores, found.parts, found.query, found.by_words, found.coverage, found.total)
        if question.whole:
            head = self._filled(head, question.allowed)
        elif found.by_words >= HEAD:  # there may be any number of others
            head = self._estimated(hybrid, head, question)
        return head.settled()

    def _estimated(self, hybrid: HybridIndex, head: Head, question: Question) -> Head:
        """The head of many matches, with about how many they are: those that have all words, as far as allowed.

        Counting hits is quick, going through thousands of them is not.
        """
        asked, words = question.asked, hybrid.words
        if words is None or head.query is None or hybrid.count_by_words(asked, COUNTED + 1) <= COUNTED:
            return head
        all_words = words.count(head.query, prefix=asked.prefix, typos=asked.typos, any_word=False)
        share = int(np.count_nonzero(question.allowed)) / max(int(np.count_nonzero(self._facts.columns.listed)), 1)
        return replace(head, total=max(len(head.rows), round(all_words * share)), light=False)

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
            total=len(head.rows) + len(rows),
            light=len(rows) <= MATCHES,
        )

    def tail(self, question: Question, head: Head) -> Tail:
        """All matches that are not in the head."""
        if head.complete:
            return replace(NO_TAIL, exact=True)
        inside = np.zeros(len(question.allowed), bool)
        inside[head.rows] = True
        if question.browses or question.whole:
            rows = np.flatnonzero(question.allowed & ~inside)
            return Tail(rows, self._shares(rows), True)
        words = question.words.within(question.allowed, ENOUGH * head.coverage)
        if words is None or not len(words.rows):
            return replace(NO_TAIL, exact=True)
        kept = (words.coverage >= ENOUGH * words.coverage.max()) & ~inside[words.rows]
        scores = words.scores[kept] / max(float(words.scores.max()), 1e-9)
        exact = words.exact and words.total <= len(words.rows)
        return Tail(words.rows[kept], scores.astype(np.float64), exact)

    def mask(self, question: Question, head: Head | None = None) -> tuple[Mask, bool]:
        """All matches, and whether these are all. `head`: of this question, where it is known. bool [len(allowed)]"""
        if question.browses or question.whole:
            return question.allowed, True
        head = head if head is not None else self.head(question)
        tail = self.tail(question, head)
        mask = np.zeros(len(question.allowed), bool)
        mask[head.rows] = True
        mask[tail.rows] = True
        return mask, tail.exact

    def _shares(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Popularity as a share of the most popular product's."""
        popular = self.popularity(rows).astype(np.float64)
        most = float(popular.max()) if len(popular) else 0.0
        return popular / most if most > 0 else popular
