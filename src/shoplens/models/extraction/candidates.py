"""Spans of a title that may be a value, with what is known of each: the table that trees decide by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.models.extraction.memory import EVERYWHERE, FIRST, LAST, CategoryMemory, Memory, ValueFinder
from shoplens.models.extraction.rows import Rows
from shoplens.models.extraction.token_model import TokenModel
from shoplens.models.extraction.tokens import Tokens, shape_of
from shoplens.models.extraction.votes import Votes

Floats = npt.NDArray[np.float32]

LONGEST = 6  # tokens of a span that is not a known value
#: A span is worth a look when one of these holds.
SHAPE = 0.05  # share of the attribute's values that look so, if there are digits in it
INSIDE = 0.25  # mean share of its words' titles in which they are part of the value
TOKENS = 0.1  # the token model's probability that it begins and ends here
FEATURES = (
    "count", "share", "precision", "elsewhere", "shape", "shape anywhere",
    "inside least", "inside mean", "inside before", "inside after", "present least", "titles least", "titles most",
    "before", "after", "from start", "to end", "tokens", "letters", "digits", "capitals", "first capital",
    "all capitals", "all letters", "all digits", "whole tokens", "known here", "known best", "of others",
    "asked", "filled share", "filled", "different", "vote", "vote best", "vote filled", "vote asked", "repeats",
    "model begins", "model ends", "model inside", "model inside least", "model before", "model after", "model best",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidates:
    """Of one title: rows of a table, each a span for an attribute."""

    start: npt.NDArray[np.int64]  # [n] letters
    end: npt.NDArray[np.int64]
    attribute: npt.NDArray[np.int64]  # place among `attributes`
    table: Floats  # [n, FEATURES]
    attributes: tuple[str, ...]


class Describer:
    """Makes candidates of titles from a memory and a token model."""

    def __init__(self, memory: Memory, model: TokenModel) -> None:
        self.memory, self.model = memory, model
        self._outputs = {
            name: np.array([model.place[one] for one in category.attributes], np.int64)
            for name, category in memory.categories.items()
        }
        self._elsewhere = {name: _by_place(memory.values, one) for name, one in memory.categories.items()}
        self._shapes = {name: _by_place(memory.shapes, one) for name, one in memory.categories.items()}

    def describe(self, tokens: Tokens, category: str, votes: Votes) -> Candidates:
        """All spans that are worth a look, for all attributes of the category.

        What decides on that is worked out for all spans and attributes, the rest of the table for the few that stay.
        """
        name = category if category in self.memory.categories else EVERYWHERE
        known = self.memory.categories[name]
        spans = _spans(tokens, self.memory.finders[name])
        if not len(spans) or not known.attributes:
            nothing = np.zeros(0, np.int64)
            return Candidates(nothing, nothing, nothing, np.zeros((0, len(FEATURES)), np.float32), known.attributes)
        texts = [tokens.folded[start:end] for start, end in spans[:, :2].tolist()]
        looks = [shape_of(tokens.text[start:end]) for start, end in spans[:, :2].tolist()]
        roles = self.model.probabilities(tokens, category)[:, self._outputs[name]]  # [n, A, ROLES]
        inside = known.inside.of(tokens.words)  # [n, A]
        low, high = spans[:, 2], spans[:, 3]
        count, precision, others = _owned(texts, known)
        total = self._elsewhere[name].of(texts)
        shape = known.shapes.of(looks)
        mean = _Sums(inside).mean(low, high)
        letters = _letters_upto(tokens.text)
        digits = letters[spans[:, 1], 0] > letters[spans[:, 0], 0]
        worth = (
            (count > 0)
            | (total > count)
            | ((shape > SHAPE) & digits[:, None])
            | (mean > INSIDE)
            | (roles[low, :, 1] * roles[high, :, 2] > TOKENS**2)
        )
        span, at = np.nonzero(worth)
        here = (span, at)
        columns: list[npt.NDArray[Any]] = [
            count[here],
            count[here] / np.maximum(known.filled, 1)[at],
            precision[here],
            total[here] - count[here],
            shape[here],
            self._shapes[name].of(looks)[here],
            *_of_words(tokens, spans[span], at, inside, mean[here], known, self.memory),
            *_of_looks(tokens, letters, spans[span]),
            (count > 0).sum(0)[at],
            count.max(0)[at],
            others[here],
            known.asked[at],
            (known.filled / np.maximum(known.asked, 1))[at],
            known.filled[at],
            (known.different / (known.filled + 1))[at],
            *_of_votes(texts, span, at, known.attributes, votes),
            _repeats(tokens, texts, span),
            *_of_model(spans[span], at, roles),
        ]
        table = (
            np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")
            if len(span)
            else np.zeros((0, len(FEATURES)), np.float32)
        )
        return Candidates(spans[span, 0], spans[span, 1], at, table, known.attributes)


def _spans(tokens: Tokens, finder: ValueFinder) -> npt.NDArray[np.int64]:
    """Start, end, first and last token of each span, and whether it ends where tokens do. [n, 5]"""
    count = len(tokens)
    rows = {
        (tokens.starts[low], tokens.ends[high]): (low, high, 1)
        for low in range(count)
        for high in range(low, min(low + LONGEST, count))
        if high > low or tokens.words[low].isalnum()
    }
    for start, end in finder.find(tokens.folded):
        if (start, end) not in rows and (covered := tokens.covering(start, end)) is not None:
            rows[start, end] = (*covered, 0)
    return np.array([(*place, *more) for place, more in rows.items()], np.int64).reshape(-1, 5)


def _owned(texts: Sequence[str], known: CategoryMemory) -> tuple[Floats, Floats, Floats]:
    """Of each span and attribute: titles with it as the value, share of those that contain it, and titles with it as
    the value of the attribute that has it most among the others. [spans, A] each"""
    count, precision, others = (np.zeros((len(texts), len(known.attributes)), np.float32) for _ in range(3))
    for row, text in enumerate(texts):
        owners = known.values.get(text)
        if owners is None:
            continue
        most = sorted((one.count for one in owners), reverse=True)
        others[row] = most[0]
        for one in owners:
            count[row, one.attribute] = one.count
            precision[row, one.attribute] = one.count / (one.seen + 0.5)
            if one.count == most[0]:
                others[row, one.attribute] = most[1] if len(most) > 1 else 0
    return count, precision, others


def _of_words(
    tokens: Tokens,
    spans: npt.NDArray[np.int64],
    at: npt.NDArray[np.int64],
    inside: Floats,
    mean: Floats,
    known: CategoryMemory,
    memory: Memory,
) -> Iterator[npt.NDArray[Any]]:
    """Columns of the words in and beside the span: "inside least" to "after"."""
    low, high = spans[:, 2], spans[:, 3]
    present = known.present.of(tokens.words)
    titles = np.array([memory.titles_with[word] for word in tokens.words], np.float32)[:, None]
    yield _least(inside, low, high, at)
    yield mean
    yield _beside(inside, low - 1, at)
    yield _beside(inside, high + 1, at)
    yield _least(present, low, high, at)
    first = np.zeros_like(at)
    yield _least(titles, low, high, first)
    yield -_least(-titles, low, high, first)
    beside = [FIRST, *tokens.words, LAST]
    yield known.before.of(beside[:-2])[low, at]
    yield known.after.of(beside[2:])[high, at]


@lru_cache(maxsize=20_000)
def _kinds(letter: str) -> tuple[bool, bool, bool, bool]:
    return letter.isdigit(), letter.isupper(), letter.islower(), letter.isalpha()


def _letters_upto(text: str) -> npt.NDArray[np.int64]:
    """Digits, capitals, small letters and letters of an alphabet before each place. [letters + 1, 4]"""
    kinds = np.array([_kinds(letter) for letter in text], np.int64).reshape(-1, 4)
    return np.concatenate([np.zeros((1, 4), np.int64), kinds.cumsum(0)])


def _repeats(tokens: Tokens, texts: Sequence[str], span: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often the title says what each span says."""
    asked, place = np.unique(span, return_inverse=True)
    return np.array([tokens.folded.count(texts[one]) for one in asked.tolist()], np.int64)[place]


def _of_looks(
    tokens: Tokens, letters_upto: npt.NDArray[np.int64], spans: npt.NDArray[np.int64]
) -> Iterator[npt.NDArray[Any]]:
    """Columns of the span's place and letters: "from start" to "whole tokens"."""
    start, end, low, high, whole = spans.T
    letters = end - start
    digits, capitals, small, alphabetic = (letters_upto[end] - letters_upto[start]).T
    first_capital = letters_upto[start + 1, 1] - letters_upto[start, 1]
    yield from (low, len(tokens) - high, high - low + 1, letters, digits, capitals, first_capital)
    yield from ((capitals > 0) & (small == 0), alphabetic == letters, digits == letters, whole)


def _of_votes(
    texts: Sequence[str],
    span: npt.NDArray[np.int64],
    at: npt.NDArray[np.int64],
    attributes: Sequence[str],
    votes: Votes,
) -> Iterator[npt.NDArray[Any]]:
    """Columns of what similar titles have: "vote" to "vote asked"."""
    place = {name: number for number, name in enumerate(attributes)}
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, []).append(row)
    vote = np.zeros((len(texts), len(attributes)), np.float32)
    best = np.zeros(len(attributes), np.float32)
    for (name, value), share in votes.value.items():
        if (number := place.get(name, -1)) >= 0:
            vote[rows.get(value, []), number] = share
            best[number] = max(best[number], share)
    yield vote[span, at]
    yield best[at]
    for shares in (votes.filled, votes.asked):
        yield np.array([shares.get(name, 0.0) for name in attributes], np.float32)[at]


def _of_model(spans: npt.NDArray[np.int64], at: npt.NDArray[np.int64], roles: Floats) -> Iterator[npt.NDArray[Any]]:
    """Columns of the token model. `roles` [n, A, ROLES]: inside, begins, ends."""
    low, high = spans[:, 2], spans[:, 3]
    inside, begins, ends = roles[..., 0], roles[..., 1], roles[..., 2]
    yield begins[low, at]
    yield ends[high, at]
    sums = _Sums(inside)
    yield (sums.sums[high + 1, at] - sums.sums[low, at]) / (high - low + 1)
    yield _least(inside, low, high, at)
    yield _beside(inside, low - 1, at)
    yield _beside(inside, high + 1, at)
    yield begins.max(0)[at]


def _by_place(counts: Mapping[str, Mapping[str, float]], category: CategoryMemory) -> Rows:
    """What is counted for attributes by name, as one row in the order of the category's attributes; without zeros."""
    place = {name: number for number, name in enumerate(category.attributes)}
    rows: dict[str, Floats] = {}
    for key, of_attribute in counts.items():
        for name, count in of_attribute.items():
            if (at := place.get(name, -1)) >= 0:
                rows.setdefault(key, np.zeros(len(place), np.float32))[at] = count
    return Rows(rows, len(place))


class _Sums:
    """Sums over the tokens of a span, from sums up to each token."""

    def __init__(self, values: Floats) -> None:
        self.sums = np.concatenate([np.zeros((1, values.shape[1]), np.float32), values.cumsum(0)])  # [n + 1, A]

    def mean(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Floats:
        """Of each span. [spans, A]"""
        mean: Floats = (self.sums[high + 1] - self.sums[low]) / (high - low + 1)[:, None].astype(np.float32)
        return mean


def _least(
    values: Floats, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
) -> Floats:
    """Smallest over the tokens of each span, in one column each. values [n, A] → [spans]"""
    least = values[low, at]
    for step in range(1, int((high - low).max(initial=0)) + 1):
        least = np.minimum(least, values[np.minimum(low + step, high), at])
    return least


def _beside(values: Floats, place: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> Floats:
    """Of the token at each place, in one column each; 0 outside the title. [spans]"""
    found = values[np.clip(place, 0, len(values) - 1), at]
    return np.where((place >= 0) & (place < len(values)), found, np.float32(0))
