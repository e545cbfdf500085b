"""The index of words: written and read through tantivy, kept in a folder that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

from shoplens.retrieval.base import Mask
from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.document import Document, FieldWeights, Floats, Matches
from shoplens.retrieval.lexical.query import Query


class LexicalIndex:
    """Products found by words. Safe to share between threads; processes share its folder."""

    revision: int  # of the catalogue, up to which it is complete

    @classmethod
    def open(
        cls, folder: Path | None = None, analyser: Analyser | None = None, *, weights: FieldWeights | None = None
    ) -> Self:
        """The index of a folder, begun when there is none; None = in memory."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def apply(self, documents: Iterable[Document], gone: Iterable[str], revision: int) -> None:
        """Replace these products, take out those that are gone, and be complete up to `revision`, durably."""
        raise NotImplementedError

    def refresh(self) -> bool:
        """Take in what other processes wrote. Returns whether there was anything."""
        raise NotImplementedError

    def parse(self, text: str) -> Query:
        """Read what a shopper typed. Never raises."""
        raise NotImplementedError

    def search(
        self,
        query: Query,
        k: int,
        *,
        extra: Sequence[tuple[str, float]] = (),
        keeps: Callable[[list[str]], Mask] | None = None,
        only: Sequence[str] | None = None,
        prefix: bool = False,
        typos: bool = True,
        any_word: bool = True,
    ) -> Matches:
        """The k best products.

        extra: other words to look for, with weights (a Chinese query's meanings in English, say).
        keeps: a filter; which of these item ids may be answered. bool [n].
        only: item ids among which to search; cheaper than `keeps` when there are few.
        prefix: the last word is still being typed. typos: also find words spelt nearly so. any_word: a product needs
        one of the words only, else all.
        """
        raise NotImplementedError

    def score(
        self, query: Query, item_ids: Sequence[str], *, extra: Sequence[tuple[str, float]] = ()
    ) -> tuple[Floats, Floats]:
        """Scores and coverage of these products, 0 where nothing matches. Two float32 [n]."""
        raise NotImplementedError

    def correct(self, query: Query) -> str | None:
        """What the shopper may have meant, None when the query is fine or nothing is near."""
        raise NotImplementedError

    def highlight(self, query: Query, text: str) -> list[tuple[int, int]]:
        """Where words of the query stand in a text: (start, end), in order, apart from one another."""
        raise NotImplementedError

    def vocabulary(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Words that begin so, with the number of products that have them, most frequent first."""
        raise NotImplementedError
