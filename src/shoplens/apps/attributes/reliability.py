"""How often each source is right about each attribute, measured where the shop has filled it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from shoplens.apps.attributes.found import SUREST, Source

UNKNOWN = 0.5  # before anything was measured
DOUBT = 4.0  # answers whose worth of doubt a measured share starts with


@dataclass(slots=True)
class Reliability:
    """Shares of right answers, drawn towards UNKNOWN while there are few."""

    right: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: dict[tuple[str, str], int] = field(default_factory=dict)

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

    def as_dict(self) -> dict[str, Any]:
        """For JSON, readable: source → attribute → [right, answers]."""
        told: dict[str, dict[str, list[int]]] = {}
        for (source, attribute), answers in sorted(self.answers.items()):
            told.setdefault(source, {})[attribute] = [self.right.get((source, attribute), 0), answers]
        return told

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        found = cls()
        for source, attributes in told.items():
            for attribute, (right, answers) in attributes.items():
                found.right[source, attribute], found.answers[source, attribute] = int(right), int(answers)
        return found
