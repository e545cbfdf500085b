"""Text to terms, for products and for what shoppers type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shoplens.retrieval.lexical.synonyms import Synonyms


@dataclass(frozen=True, slots=True)
class Term:
    """A term at its place: `position` counts words (Chinese: characters), `start` and `end` are in the original text."""

    text: str
    position: int
    start: int
    end: int


class Analyser:
    """Reads texts in the way in which an index was written; `version` names that way.

    `words` are a shop's own Chinese words ("优衣库"), which are then never cut apart.
    """

    def __init__(self, *, synonyms: Synonyms | None = None, words: Sequence[str] = ()) -> None:
        self.synonyms = synonyms if synonyms is not None else Synonyms()
        self.words = tuple(words)
        self.version = ""

    def terms(self, text: str) -> list[Term]:
        """Every term of a text, those of the same place next to one another."""
        raise NotImplementedError
