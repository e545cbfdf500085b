"""What to look for: the words of a query, each with all that stands for it in an index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from shoplens.retrieval.lexical.vocabulary import Vocabulary


class Holdings(Protocol):
    """What an index holds, as it stands at one moment."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Its words, perhaps some seconds old."""
        ...

    def count(self, term: str) -> int:
        """How many products hold a term."""
        ...

    def has_code(self, code: str) -> bool:
        """Whether a product has this number."""
        ...

    def holds(self, terms: tuple[str, ...]) -> bool:
        """Whether a product has these terms next to one another."""
        ...

    def beginning(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Terms that begin so with their counts, the most frequent first."""
        ...

    def idf(self, count: int) -> float:
        """How much a term of this frequency says."""
        ...


@dataclass(frozen=True, slots=True)
class Variant:
    """Something that stands for a word: one term, or several next to one another."""

    terms: tuple[str, ...]
    weight: float
    code: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A word of the query and all that stands for it. Without variants, no product can have it."""

    variants: tuple[Variant, ...]
    idf: float
    weight: float = 1.0
    extra: bool = False  # given beside the query, see `LexicalIndex.search`


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look for."""

    groups: tuple[Group, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    excluded: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        """Whether any product can match."""
        return bool(self.phrases) or any(group.variants for group in self.groups)


def idf(count: int, documents: int) -> float:
    """BM25's: log(1 + (N - n + 1/2) / (n + 1/2)), never below 0."""
    return math.log(1.0 + (max(documents - count, 0) + 0.5) / (count + 0.5))
