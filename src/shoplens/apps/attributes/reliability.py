"""How often each source is right about each attribute, measured where the shop has filled it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from shoplens.apps.attributes.found import SUREST, Source

UNKNOWN = 0.5  # before anything was measured
DOUBT = 4.0  # answers whose worth of doubt a measured share starts with
OFTEN = 4  # answers of a single word that are enough to judge it by
WORDS = "words"  # where `as_dict` has them


@dataclass(slots=True)
class Reliability:
    """Shares of right answers, drawn towards UNKNOWN while there are few.

    Words of titles that are wrong more often than right are kept apart: "wood" of wood varnish is no material, whatever
    the dictionary is right about otherwise.
    """

    right: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: dict[tuple[str, str], int] = field(default_factory=dict)
    doubted: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # attribute, word → right, answers

    def count(self, source: Source, attribute: str, *, right: bool) -> None:
        """Take in one answer to a question whose answer the shop knows."""
        key = (source.value, attribute)
        self.answers[key] = self.answers.get(key, 0) + 1
        self.right[key] = self.right.get(key, 0) + right

    def of(self, source: Source, attribute: str) -> float:
        """Probability that an answer of this source about this attribute is right."""
        key = (source.value, attribute)
        answers = self.answers.get(key, 0)
        share = (self.right.get(key, 0) + UNKNOWN * DOUBT) / (answers + DOUBT)
        return min(share, SUREST)

    def count_word(self, attribute: str, word: str, *, right: int, answers: int) -> None:
        """Take in how often a word, in small letters, was a value of the attribute where titles say it."""
        if answers >= OFTEN and 2 * right < answers:
            self.doubted[attribute, word] = right, answers

    def of_word(self, attribute: str, word: str) -> float:
        """Probability that a word of the dictionary, in small letters, is a value of the attribute where it stands."""
        usual = self.of(Source.DICTIONARY, attribute)
        right, answers = self.doubted.get((attribute, word), (0, 0))
        return (right + usual * DOUBT) / (answers + DOUBT) if answers else usual

    def as_dict(self) -> dict[str, Any]:
        """For JSON, readable: source → attribute → [right, answers]; "words" → attribute → word → [right, answers]."""
        told: dict[str, dict[str, Any]] = {}
        for (source, attribute), answers in sorted(self.answers.items()):
            told.setdefault(source, {})[attribute] = [self.right.get((source, attribute), 0), answers]
        for (attribute, word), counts in sorted(self.doubted.items()):
            told.setdefault(WORDS, {}).setdefault(attribute, {})[word] = list(counts)
        return told

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        found = cls()
        for attribute, words in told.get(WORDS, {}).items():
            found.doubted |= {(attribute, word): (int(right), int(answers)) for word, (right, answers) in words.items()}
        for source, attributes in told.items():
            if source == WORDS:
                continue
            for attribute, (right, answers) in attributes.items():
                found.right[source, attribute], found.answers[source, attribute] = int(right), int(answers)
        return found
