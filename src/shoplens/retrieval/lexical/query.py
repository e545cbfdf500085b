"""What a shopper typed, read: words, phrases, words that are not wanted, codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query, before it is compared with what the index holds.

    `forms` are terms that all mean just this word, each with a weight (1 = as typed); `chain` are its pieces, to be
    found next to one another ("t", "shirt" of "t-shirt"; the characters of a Chinese word).
    """

    text: str  # as typed
    start: int  # place in the query's text
    end: int
    forms: tuple[tuple[str, float], ...]
    chain: tuple[str, ...] = ()
    han: bool = False  # Chinese

    @property
    def term(self) -> str:
        """The form that was typed."""
        return self.forms[0][0]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was read by `LexicalIndex.parse`."""

    text: str
    words: tuple[Word, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()  # terms that must stand next to one another
    excluded: tuple[tuple[str, ...], ...] = ()  # chains (mostly of one term) that must not occur
    codes: tuple[str, ...] = ()  # what may be a code, in the spelling of `Document.codes` in the index
    languages: frozenset[str] = frozenset()  # of "en" (Latin letters) and "zh"

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.words or self.phrases or self.codes)
