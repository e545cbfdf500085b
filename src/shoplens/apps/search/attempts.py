"""One way to read a request, and the best of what it finds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shoplens.apps.search.curation import Curated
from shoplens.apps.search.facets import is_about, parts_of
from shoplens.apps.search.matching import Head, Matching, Question
from shoplens.apps.search.said_words import plain
from shoplens.apps.search.understanding import Understanding, Understands
from shoplens.recommend.asking import Ask, Constraint
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.recommend.filters import Filter
from shoplens.retrieval.asked import Asked


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A request as it was read, and what it found."""

    text: str  # what was read
    reading: Understanding
    given_up: tuple[Constraint, ...]  # constraints that were understood and are not in force
    base: Mask  # products that are offered and fit the request's own filter
    question: Question
    head: Head

    @property
    def strict(self) -> list[Constraint]:
        """Constraints in force as filters, firmest first."""
        return [one for one in self.reading.constraints if one.strict and one not in self.given_up]

    @property
    def soft(self) -> list[Constraint]:
        """Constraints that only lift what fits."""
        return [one for one in self.reading.constraints if not one.strict and one not in self.given_up]

    @property
    def found(self) -> bool:
        """Whether there is an answer to what was asked, not only something near it."""
        if self.question.browses or self.question.whole:
            return bool(self.question.allowed.any())
        return self.head.by_words > 0 or (not self.question.asked.text and len(self.head.rows) > 0)

    @property
    def coverage(self) -> float:
        """Share of the words that the best product has; 1 where no words were looked for."""
        words = self.head.parts.get("words")
        return float(np.nanmax(words)) if words is not None and not np.isnan(words).all() else 1.0


class Attempts:
    """Makes attempts."""

    def __init__(self, facts: CatalogueFacts, understands: Understands, matching: Matching) -> None:
        self.facts = facts
        self._understands = understands
        self._matching = matching

    def make(
        self,
        ask: Ask,
        curated: Curated,
        text: str,
        *,
        reading: Understanding | None = None,
        given_up: tuple[Constraint, ...] = (),
    ) -> Attempt:
        """Read `text` (or take a reading of it), leave out what is given up, and look for it."""
        base = self.base(ask, curated)
        if reading is None:
            if ask.understand and text:
                reading = self._understands.read(text, base, drop=ask.drop, language=ask.language)
            else:
                reading = Understanding(plain(text))
        allowed = base.copy()
        for one in reading.constraints:
            if one.strict and one not in given_up:
                allowed &= self.mask(one.filter, len(base))
        asked = Asked(text=reading.text, given=ask.given, prefix=ask.prefix, typos=ask.typos)
        question = self._matching.question(asked, allowed, whole=reading.whole and not ask.given)
        head = self._matching.head(question) if allowed.any() else Head.empty()
        return Attempt(text, reading, given_up, base, question, head)

    def base(self, ask: Ask, curated: Curated) -> Mask:
        """Products that are offered here and fit the request's own filter."""
        facts = self.facts
        if ask.unavailable:
            columns = facts.columns
            base = columns.listed.copy() if facts.stubs_offered else columns.listed & ~columns.stub
        else:
            base = facts.offered()
        if curated.hidden:
            hidden = facts.rows(curated.hidden)
            base[hidden[hidden < len(base)]] = False
        base[0] = False
        rule = None if ask.scenario is None else ask.scenario.keeps()
        if rule is not None:
            base &= self.mask(rule, len(base))
        if ask.filter is not None:
            base &= self.mask(ask.filter, len(base))
        return base

    def mask(self, wanted: Filter, size: int) -> Mask:
        """A filter's mask, cut to the size that the catalogue had when the request began: it only grows."""
        return self.facts.mask(wanted)[:size]

    def as_understood(self, attempt: Attempt) -> bool:
        """Whether the words say nothing but what was understood, and a product that was found fits all of it.

        "Size M" is found where products have that size, even if none of them has the word "size".
        """
        if not attempt.reading.covered or attempt.given_up:
            return False
        fitting = np.ones(len(attempt.head.rows), bool)
        for one in attempt.soft:
            fitting &= self.mask(one.filter, len(attempt.base))[attempt.head.rows]
        return bool(fitting.any())

    def widened(self, ask: Ask, curated: Curated, attempt: Attempt, field: str) -> Question:
        """The attempt's question without what was chosen, or understood, about one field."""
        base = self.base(replace(ask, filter=None), curated)
        size = min(len(base), len(attempt.base))
        allowed = base[:size]
        understood = [part for one in attempt.strict for part in parts_of(one.filter)]
        for part in (*parts_of(ask.filter), *understood):
            if not is_about(part, field):
                allowed &= self.mask(part, size)
        whole = attempt.question.whole and not any(is_about(part, field) for part in understood)
        return replace(attempt.question, allowed=allowed, whole=whole)
