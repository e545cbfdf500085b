"""What similar titles of the same category have: nearest neighbours by words and pairs of words (TF-IDF, cosine)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from shoplens.models.extraction.examples import Example
from shoplens.models.extraction.tokens import Tokens

NEIGHBOURS = 10
LEAST = 0.05  # cosine; less is chance
AT_ONCE = 512  # titles compared together: bounds memory


@dataclass(slots=True)
class Votes:
    """Of one title: similarity summed over the neighbours that …"""

    asked: dict[str, float] = field(default_factory=dict)  # … were asked for an attribute
    filled: dict[str, float] = field(default_factory=dict)  # … have a value
    value: dict[tuple[str, str], float] = field(default_factory=dict)  # … have this value (attribute, small letters)
    total: float = 0.0  # … are near at all


class Neighbours:
    """Titles with known values, to compare others with."""

    def __init__(self, vectoriser: Any, groups: dict[str, tuple[Any, list[Example]]]) -> None:
        self._vectoriser = vectoriser
        self._groups = groups  # category → (its titles' vectors, sparse; the examples)

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Self:
        """Weigh words on these titles."""
        from sklearn.feature_extraction.text import TfidfVectorizer  # a second at the start of every server

        vectoriser = TfidfVectorizer(
            tokenizer=_words,
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, 2),
            sublinear_tf=True,
            dtype=np.float32,
        )
        vectors = vectoriser.fit_transform([example.title for example in examples])
        rows: dict[str, list[int]] = defaultdict(list)
        for row, example in enumerate(examples):
            rows[example.category].append(row)
        groups = {category: (vectors[own], [examples[row] for row in own]) for category, own in rows.items()}
        return cls(vectoriser, groups)

    def votes(self, titles: Sequence[str], categories: Sequence[str]) -> list[Votes]:
        """Of each title, in order; none in a category that is new."""
        found = [Votes() for _ in titles]
        by_category: dict[str, list[int]] = defaultdict(list)
        for row, category in enumerate(categories):
            if category in self._groups:
                by_category[category].append(row)
        for category, rows in by_category.items():
            vectors, examples = self._groups[category]
            for first in range(0, len(rows), AT_ONCE):
                part = rows[first : first + AT_ONCE]
                near = (self._vectoriser.transform([titles[row] for row in part]) @ vectors.T).toarray()
                count = min(NEIGHBOURS, near.shape[1])
                best = np.argpartition(-near, count - 1, axis=1)[:, :count]
                for row, places, similar in zip(part, best, near, strict=True):
                    found[row] = _count([(examples[at], float(similar[at])) for at in places if similar[at] > LEAST])
        return found


def _words(text: str) -> list[str]:
    return Tokens(text).words


def _count(near: Sequence[tuple[Example, float]]) -> Votes:
    votes = Votes()
    for example, similar in near:
        votes.total += similar
        for name in example.values:
            votes.asked[name] = votes.asked.get(name, 0.0) + similar
            folded = example.folded(name)
            if folded:
                votes.filled[name] = votes.filled.get(name, 0.0) + similar
            for value in folded:
                votes.value[name, value] = votes.value.get((name, value), 0.0) + similar
    return votes
