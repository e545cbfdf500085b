"""What people search for and the shop lacks: values nobody stocks, combinations that no product has, unknown words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.queries import query_form
from shoplens.features.align.lexicon import built_in
from shoplens.models.extraction.memory import ValueFinder
from shoplens.models.extraction.tokens import Tokens
from shoplens.recommend.said_numbers import read_ranges
from shoplens.store.records import QueryCount

SHORTEST = 2  # letters of a word that is worth naming
#: Words that name nothing, whether or not titles have them.
EMPTY = frozenset({
    "a", "an", "and", "are", "at", "by", "can", "do", "for", "from", "have", "i", "in", "is",
    "it", "me", "my", "of", "on", "or", "please", "show", "some", "the", "to", "want", "with", "you",
})  # fmt: skip
FEW = 3  # products that have all that was asked for: fewer is little to choose from


@dataclass(frozen=True, slots=True)
class Gap:
    """One query that the shop answers with nothing, or nearly."""

    query: str
    searches: int
    askers: int
    empty: int | None  # searches that found nothing; None: nobody knows
    wanted: tuple[tuple[str, str], ...]  # (attribute, value) that the query names and the shop knows
    unknown: tuple[str, ...]  # its other words: neither a value nor a word of any title
    products: int | None  # that have all the values wanted; None: it names none


def gaps(
    counts: Iterable[QueryCount],
    values: Mapping[tuple[str, str], npt.NDArray[np.int64]],
    title_words: frozenset[str],
    *,
    n: int = 50,
) -> list[Gap]:
    """Queries that found nothing, name words the shop does not know, or values that hardly any product has together;
    those of most people first. `values`: (attribute, value) → rows of products."""
    by_text: dict[str, list[tuple[str, str]]] = {}
    for attribute, value in values:
        by_text.setdefault(value.casefold(), []).append((attribute, value))
    for idea in built_in().ideas:
        names = (*idea.english, *idea.chinese)
        known = next((by_text[name.casefold()] for name in names if name.casefold() in by_text), None)
        if known is not None:
            for name in names:
                by_text.setdefault(name.casefold(), known)
    finder = ValueFinder(by_text)
    found: dict[str, Gap] = {}
    for count in counts:
        form = query_form(count.query)
        if not form:
            continue
        gap = _gap(count, by_text, finder, values, title_words)
        lacking = gap.unknown or (gap.products is not None and gap.products < FEW) or gap.empty
        if lacking and (form not in found or found[form].askers < gap.askers):
            found[form] = gap
    return sorted(found.values(), key=lambda one: (-one.askers, -one.searches, one.query))[:n]


def _gap(
    count: QueryCount,
    by_text: Mapping[str, list[tuple[str, str]]],
    finder: ValueFinder,
    values: Mapping[tuple[str, str], npt.NDArray[np.int64]],
    title_words: frozenset[str],
) -> Gap:
    tokens = Tokens(count.query)
    places = sorted(finder.find(tokens.folded), key=lambda place: (place[0] - place[1], place[0]))
    taken: list[tuple[int, int]] = []
    wanted: list[tuple[str, str]] = []
    rows: list[npt.NDArray[np.int64]] = []
    for start, end in places:
        covered = tokens.covering(start, end)
        whole = covered and tokens.starts[covered[0]] == start and tokens.ends[covered[1]] == end
        if not whole or any(start < stop and begin < end for begin, stop in taken):
            continue
        taken.append((start, end))
        known = by_text[tokens.folded[start:end]]
        wanted += known[:1]
        rows.append(np.unique(np.concatenate([values[one] for one in known])))
    limits = [(one.start, one.end) for one in read_ranges(tokens.folded)]  # "under 50": nothing a shop could have
    unknown = tuple(
        word
        for word, start, end in zip(tokens.words, tokens.starts, tokens.ends, strict=True)
        if len(word) >= SHORTEST
        and word.isalnum()
        and not word.isdecimal()
        and word not in EMPTY
        and word not in title_words
        and not any(start < stop and begin < end for begin, stop in (*taken, *limits))
    )
    together = rows[0] if rows else np.zeros(0, np.int64)
    for more in rows[1:]:
        together = np.intersect1d(together, more)
    return Gap(
        count.query, count.searches, count.askers, count.empty, tuple(wanted), unknown,
        len(together) if rows else None,
    )  # fmt: skip
