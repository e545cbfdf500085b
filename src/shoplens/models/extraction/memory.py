"""What titles with known values taught, in counts: values, what they look like, the words in and around them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.models.extraction.examples import Example
from shoplens.models.extraction.rows import Rows
from shoplens.models.extraction.tokens import Tokens, shape_of

Floats = npt.NDArray[np.float32]

EVERYWHERE = ""  # the category that stands for all of them together; answers for categories that are new
FIRST, LAST = "^", "$"  # stand for the token before the first and after the last
_FAINT = 0.3  # titles whose worth of doubt every word's share starts with
_RATE = 0.1  # share of a word nobody has seen


@dataclass(slots=True)
class Known:
    """A value of one attribute in one category."""

    attribute: int  # place among the category's attributes
    count: int = 0  # titles with this value
    seen: int = 0  # titles asked for the attribute that contain these letters, whatever their value


@dataclass(slots=True)
class CategoryMemory:
    """Counts of one category, by attribute in the order of `attributes` ([A])."""

    attributes: tuple[str, ...]
    titles: int
    asked: Floats  # [A] titles
    filled: Floats  # [A] titles with a value
    different: Floats  # [A] different values
    values: dict[str, list[Known]]  # value in small letters → whose it is
    shapes: Rows  # → share of each attribute's values that look so [A]
    before: Rows  # token before a value → share [A]
    after: Rows
    inside: Rows  # token → share of the titles with it in which it is part of the value [A]
    present: Rows  # token → titles with it and a value [A]

    @classmethod
    def of(cls, examples: Sequence[Example], tokens: Sequence[Tokens]) -> Self:
        """Count."""
        names = Counter(name for example in examples for name in example.values)
        attributes = tuple(sorted(names, key=lambda name: (-names[name], name)))
        place = {name: number for number, name in enumerate(attributes)}
        wide = len(attributes)

        def table() -> defaultdict[str, Floats]:
            return defaultdict(lambda: np.zeros(wide, np.float32))

        values: dict[str, dict[int, Known]] = defaultdict(dict)
        shapes, before, after, inside, present = table(), table(), table(), table(), table()
        asked, filled = np.zeros(wide, np.float32), np.zeros(wide, np.float32)
        for example, own in zip(examples, tokens, strict=True):
            for name in example.values:
                number = place[name]
                asked[number] += 1
                folded = example.folded(name)
                if not folded:
                    continue
                filled[number] += 1
                covered: set[int] = set()
                for value in folded:
                    values[value].setdefault(number, Known(number)).count += 1
                    start = own.folded.find(value)
                    if start < 0:
                        continue
                    shapes[shape_of(own.text[start : start + len(value)])][number] += 1
                    if (place_of := own.covering(start, start + len(value))) is not None:
                        covered.update(range(place_of[0], place_of[1] + 1))
                for word in set(own.words):
                    present[word][number] += 1
                for word in {own.words[token] for token in covered}:
                    inside[word][number] += 1
                if covered:
                    low, high = min(covered), max(covered)
                    before[own.words[low - 1] if low else FIRST][number] += 1
                    after[own.words[high + 1] if high + 1 < len(own) else LAST][number] += 1
        _count_seen(values, examples, tokens, place)
        share, nothing = np.float32(1) / (filled + 1), np.zeros(wide, np.float32)
        return cls(
            attributes,
            len(examples),
            asked,
            filled,
            np.bincount([known for owners in values.values() for known in owners], minlength=wide).astype(np.float32),
            {value: list(owners.values()) for value, owners in values.items()},
            Rows({key: counts * share for key, counts in shapes.items()}, wide),
            Rows({key: counts * share for key, counts in before.items()}, wide),
            Rows({key: counts * share for key, counts in after.items()}, wide),
            Rows(
                {
                    word: (inside[word] + _FAINT * _RATE if word in inside else nothing + np.float32(_FAINT * _RATE))
                    / (counts + np.float32(_FAINT))
                    for word, counts in present.items()
                },
                wide,
                unknown=_RATE,
            ),
            Rows(present, wide),
        )


def _count_seen(
    values: dict[str, dict[int, Known]],
    examples: Sequence[Example],
    tokens: Sequence[Tokens],
    place: dict[str, int],
) -> None:
    """How many titles contain each value's letters."""
    finder = ValueFinder(values)
    for example, own in zip(examples, tokens, strict=True):
        asked = {place[name] for name in example.values}
        for value in {own.folded[start:end] for start, end in finder.find(own.folded)}:
            for number, known in values[value].items():
                if number in asked:
                    known.seen += 1


class ValueFinder:
    """Finds known values in a text, wherever they begin, by their first letters."""

    HEAD = 3  # letters

    def __init__(self, values: Iterable[str]) -> None:
        self._by_head: dict[str, list[str]] = {}
        for value in values:
            self._by_head.setdefault(value[: self.HEAD], []).append(value)
        self._lengths = sorted({len(head) for head in self._by_head})

    def find(self, folded: str) -> list[tuple[int, int]]:
        """Start and end of every place where a value stands."""
        found = []
        beginning_so = self._by_head.get
        for length in self._lengths:
            for start in range(len(folded) - length + 1):
                if values := beginning_so(folded[start : start + length]):
                    found += [(start, start + len(value)) for value in values if folded.startswith(value, start)]
        return sorted(found)


@dataclass(slots=True)
class Memory:
    """All categories, and what they have in common."""

    categories: dict[str, CategoryMemory]
    finders: dict[str, ValueFinder]
    values: dict[str, dict[str, int]]  # value → attribute → titles, over all categories
    shapes: dict[str, dict[str, float]]  # shape → attribute → share of its values
    titles_with: Counter[str]  # token → titles

    @classmethod
    def of(cls, examples: Sequence[Example], tokens: Sequence[Tokens]) -> Self:
        """Count, category by category and over all."""
        grouped: dict[str, list[int]] = defaultdict(list)
        for row, example in enumerate(examples):
            grouped[example.category].append(row)
        grouped[EVERYWHERE] = list(range(len(examples)))
        categories = {
            category: CategoryMemory.of([examples[row] for row in rows], [tokens[row] for row in rows])
            for category, rows in grouped.items()
        }
        whole = categories[EVERYWHERE]
        values = {
            value: {whole.attributes[known.attribute]: known.count for known in owners}
            for value, owners in whole.values.items()
        }
        shapes = {
            shape: {whole.attributes[at]: float(shares[at]) for at in np.flatnonzero(shares)}
            for shape, shares in whole.shapes.items()
        }
        finders = {category: ValueFinder(one.values) for category, one in categories.items()}
        return cls(categories, finders, values, shapes, Counter(word for own in tokens for word in set(own.words)))

    def of_category(self, category: str) -> tuple[CategoryMemory, ValueFinder]:
        """What is known of a category; of all together when it is new."""
        known = category if category in self.categories else EVERYWHERE
        return self.categories[known], self.finders[known]
