"""What the shop itself decides about results: pinned, hidden, lifted and buried products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from shoplens.apps.search.said_words import key, plain, tokens
from shoplens.recommend.rules import Boost


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for some queries."""

    queries: tuple[str, ...]  # in the form of `query_key`; "*" stands for any words; see `pattern_of`
    pins: tuple[tuple[int, str], ...] = ()  # place from 1, item_id
    hidden: tuple[str, ...] = ()
    boosts: tuple[Boost, ...] = ()
    since: date | None = None
    until: date | None = None

    def about(self, query: str, day: date) -> tuple[str, ...]:
        """Its patterns that fit this query; none on a day on which it does not hold."""
        if (self.since is not None and day < self.since) or (self.until is not None and day > self.until):
            return ()
        return tuple(pattern for pattern in self.queries if _matches(pattern, query))


@dataclass(frozen=True, slots=True)
class Pin:
    """A product that the shop put somewhere."""

    place: int  # from 1
    item_id: str
    patterns: tuple[str, ...] = ()  # of its rule, those that fit the query

    def names(self, said: str) -> bool:
        """Whether its rule itself has these words: what they mean there is for the shop to say."""
        words = f" {query_key(said)} "
        return any(words in f" {part} " for pattern in self.patterns for part in pattern.split("*"))


@dataclass(frozen=True, slots=True)
class Curated:
    """What holds for one query: of two pins of one product the first rule's counts."""

    pins: tuple[Pin, ...] = ()  # by place
    hidden: frozenset[str] = frozenset()
    boosts: tuple[Boost, ...] = ()


class _ByQuery:
    """Rules, and those that may be about a query: shops have thousands, a search waits for what it looks at."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._open: list[int] = []  # rules with a "*"
        self._exact: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            if any("*" in pattern for pattern in rule.queries):
                self._open.append(number)
            else:
                for pattern in rule.queries:
                    self._exact.setdefault(pattern, []).append(number)

    def about(self, query: str) -> list[Rule]:
        """In their order."""
        return [self.rules[number] for number in sorted({*self._open, *self._exact.get(query, ())})]


class Curation:
    """Rules, which may be replaced while the shop is open."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._read = _ByQuery(rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Those that hold, on whatever days."""
        return self._read.rules

    def replace(self, rules: Sequence[Rule]) -> None:
        """These hold from now on, no others."""
        self._read = _ByQuery(rules)

    def of(self, text: str, *, day: date | None = None) -> Curated:
        """What holds for a query now."""
        by_query = self._read
        if not by_query.rules:
            return Curated()
        query, today = query_key(text), day if day is not None else datetime.now(UTC).date()
        pins: dict[str, Pin] = {}
        hidden: set[str] = set()
        boosts: list[Boost] = []
        for rule in by_query.about(query):
            patterns = rule.about(query, today)
            if patterns:
                for place, item_id in rule.pins:
                    pins.setdefault(item_id, Pin(place, item_id, patterns))
                hidden.update(rule.hidden)
                boosts.extend(rule.boosts)
        shown = (pin for pin in pins.values() if pin.item_id not in hidden)
        order = sorted(shown, key=lambda pin: (pin.place, pin.item_id))
        return Curated(tuple(order), frozenset(hidden), tuple(boosts))


def query_key(text: str) -> str:
    """A query as rules compare it: plain small words, plurals as singulars."""
    return key(tokens(plain(text)))


def pattern_of(text: str) -> str:
    """A query of a rule as `Rule` has it."""
    return "*".join(query_key(part) for part in text.split("*"))


def _matches(pattern: str, query: str) -> bool:
    """Whether the parts of a pattern stand in a query, as whole words, in this order; all of it where no "*" is."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return query == pattern
    if parts[0] and not (query == parts[0] or query.startswith(f"{parts[0]} ")):
        return False
    if parts[-1] and not (query == parts[-1] or query.endswith(f" {parts[-1]}")):
        return False
    rest = f" {query} "
    for part in parts:
        found = rest.find(f" {part} ") if part else 0
        if found < 0:
            return False
        rest = rest[found + len(part) + 1 :] if part else rest
    return True
