"""Spans of a title that may be a value, with what is known of each: the table that trees decide by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.extraction.memory import FIRST, LAST, CategoryMemory, Memory, ValueFinder
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
        self._of_category = {id(category): name for name, category in memory.categories.items()}
        self._elsewhere = {name: _by_place(memory.values, one) for name, one in memory.categories.items()}
        self._shapes = {name: _by_place(memory.shapes, one) for name, one in memory.categories.items()}

    def describe(self, tokens: Tokens, category: str, votes: Votes) -> Candidates:
        """All spans that are worth a look, for all attributes of the category."""
        known, finder = self.memory.of_category(category)
        name = self._of_category[id(known)]
        spans = _spans(tokens, finder)
        if not len(spans) or not known.attributes:
            nothing = np.zeros(0, np.int64)
            return Candidates(nothing, nothing, nothing, np.zeros((0, len(FEATURES)), np.float32), known.attributes)
        roles = self.model.probabilities(tokens, category)[:, self._outputs[name]]  # [n, A, ROLES]
        table = np.zeros((len(spans), len(known.attributes), len(FEATURES)), np.float32)
        self._values(table, tokens, spans, name, votes)
        _words(table, tokens, spans, known, self.memory)
        _looks(table, tokens, spans)
        _model(table, spans, roles)
        worth = (
            (table[..., 0] > 0)
            | (table[..., 3] > 0)
            | ((table[..., 4] > SHAPE) & (table[..., 19] > 0))
            | (table[..., 7] > INSIDE)
            | (table[..., 38] * table[..., 39] > TOKENS**2)
        )
        span, attribute = np.nonzero(worth)
        return Candidates(spans[span, 0], spans[span, 1], attribute, table[span, attribute], known.attributes)

    def _values(self, table: Floats, tokens: Tokens, spans: npt.NDArray[np.int64], category: str, votes: Votes) -> None:
        """Columns of what the span is known as, and of what similar titles say."""
        known, elsewhere, shapes = self.memory.categories[category], self._elsewhere[category], self._shapes[category]
        names = known.attributes
        place = {name: number for number, name in enumerate(names)}
        filled = np.maximum(known.filled, 1)
        for row, (start, end) in enumerate(spans[:, :2].tolist()):
            text = tokens.folded[start:end]
            owners = known.values.get(text)
            if owners is not None:
                most = sorted((one.count for one in owners), reverse=True)
                table[row, :, 28] = most[0]
                for one in owners:
                    at = one.attribute
                    table[row, at, 0] = one.count
                    table[row, at, 1] = one.count / filled[at]
                    table[row, at, 2] = one.count / (one.seen + 0.5)
                    if one.count == most[0]:
                        table[row, at, 28] = most[1] if len(most) > 1 else 0
            if (counts := elsewhere.get(text)) is not None:
                table[row, :, 3] = counts - table[row, :, 0]
            look = shape_of(tokens.text[start:end])
            if (shares := known.shapes.get(look)) is not None:
                table[row, :, 4] = shares
            if (shares := shapes.get(look)) is not None:
                table[row, :, 5] = shares
            table[row, :, 37] = tokens.folded.count(text)
        table[..., 26] = (table[..., 0] > 0).sum(0)
        table[..., 27] = table[..., 0].max(0)
        table[..., 29], table[..., 31] = known.asked, known.filled
        table[..., 30] = known.filled / np.maximum(known.asked, 1)
        table[..., 32] = known.different / (known.filled + 1)
        self._votes(table, tokens, spans, place, votes)

    @staticmethod
    def _votes(
        table: Floats, tokens: Tokens, spans: npt.NDArray[np.int64], place: dict[str, int], votes: Votes
    ) -> None:
        """Columns of what similar titles have."""
        texts: dict[str, list[int]] = {}
        for row, (start, end) in enumerate(spans[:, :2].tolist()):
            texts.setdefault(tokens.folded[start:end], []).append(row)
        for (name, value), share in votes.value.items():
            if (at := place.get(name, -1)) >= 0:
                table[texts.get(value, []), at, 33] = share
                table[:, at, 34] = np.maximum(table[:, at, 34], share)
        for column, shares in ((35, votes.filled), (36, votes.asked)):
            for name, share in shares.items():
                if (at := place.get(name, -1)) >= 0:
                    table[:, at, column] = share


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


def _words(table: Floats, tokens: Tokens, spans: npt.NDArray[np.int64], known: CategoryMemory, memory: Memory) -> None:
    """Columns of the words in and beside the span."""
    low, high = spans[:, 2], spans[:, 3]
    inside = np.stack([known.inside.get(word, known.unseen) for word in tokens.words])  # [n, A]
    present = np.stack([known.present.get(word, known.nowhere) for word in tokens.words])
    titles = np.array([memory.titles_with[word] for word in tokens.words], np.float32)[:, None]
    table[..., 6], table[..., 7] = _least(inside, low, high), _mean(inside, low, high)
    table[..., 8], table[..., 9] = _beside(inside, low - 1), _beside(inside, high + 1)
    table[..., 10] = _least(present, low, high)
    table[..., 11], table[..., 12] = _least(titles, low, high), -_least(-titles, low, high)
    beside = [FIRST, *tokens.words, LAST]
    before = np.stack([known.before.get(word, known.nowhere) for word in beside[:-2]])
    after = np.stack([known.after.get(word, known.nowhere) for word in beside[2:]])
    table[..., 13], table[..., 14] = before[low], after[high]


def _looks(table: Floats, tokens: Tokens, spans: npt.NDArray[np.int64]) -> None:
    """Columns of the span's place and letters."""
    start, end, low, high, whole = spans.T
    letters = end - start
    kinds = np.array([(one.isdigit(), one.isupper(), one.islower(), one.isalpha()) for one in tokens.text], np.int64)
    sums = np.concatenate([np.zeros((1, 4), np.int64), kinds.cumsum(0)])
    digits, capitals, small, alphabetic = (sums[end] - sums[start]).T
    looks = [low, len(tokens) - high, high - low + 1, letters, digits, capitals, kinds[start, 1]]
    looks += [(capitals > 0) & (small == 0), alphabetic == letters, digits == letters, whole]
    table[..., 15:26] = np.stack(looks, 1)[:, None]


def _model(table: Floats, spans: npt.NDArray[np.int64], roles: Floats) -> None:
    """Columns of the token model. `roles` [n, A, ROLES]: inside, begins, ends."""
    low, high = spans[:, 2], spans[:, 3]
    inside, begins, ends = roles[..., 0], roles[..., 1], roles[..., 2]
    table[..., 38], table[..., 39] = begins[low], ends[high]
    table[..., 40], table[..., 41] = _mean(inside, low, high), _least(inside, low, high)
    table[..., 42], table[..., 43] = _beside(inside, low - 1), _beside(inside, high + 1)
    table[..., 44] = begins.max(0)


def _by_place(counts: Mapping[str, Mapping[str, float]], category: CategoryMemory) -> dict[str, Floats]:
    """What is counted for attributes by name, as one row in the order of the category's attributes; without zeros."""
    place = {name: number for number, name in enumerate(category.attributes)}
    rows: dict[str, Floats] = {}
    for key, of_attribute in counts.items():
        for name, count in of_attribute.items():
            if (at := place.get(name, -1)) >= 0:
                rows.setdefault(key, np.zeros(len(place), np.float32))[at] = count
    return rows


def _mean(values: Floats, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Floats:
    """Over the tokens of each span. values [n, A] → [spans, A]"""
    sums = np.concatenate([np.zeros((1, values.shape[1]), np.float32), values.cumsum(0)])
    mean: Floats = (sums[high + 1] - sums[low]) / (high - low + 1)[:, None].astype(np.float32)
    return mean


def _least(values: Floats, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Floats:
    """Smallest over the tokens of each span. values [n, A] → [spans, A]"""
    least = values[low]
    for step in range(1, int((high - low).max(initial=0)) + 1):
        longer = high - low >= step
        least[longer] = np.minimum(least[longer], values[low[longer] + step])
    return least


def _beside(values: Floats, place: npt.NDArray[np.int64]) -> Floats:
    """Of the token at each place; 0 outside the title. [spans, A]"""
    outside = (place < 0) | (place >= len(values))
    found = values[np.clip(place, 0, len(values) - 1)]
    found[outside] = 0
    return found
