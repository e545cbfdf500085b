"""Counts of what was extracted against what titles have: over all attributes, unasked, and attribute by attribute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shoplens.models.extraction import Example

Answers = Sequence[Mapping[str, str]]  # of each title: attribute → value


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts and what follows from them."""

    correct: int
    answered: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of the answers that are correct."""
        return self.correct / self.answered if self.answered else 0.0

    @property
    def recall(self) -> float:
        """Share of what there is that was found."""
        return self.correct / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.answered + self.wanted
        return 2 * self.correct / total if total else 0.0

    def as_dict(self, prefix: str = "") -> dict[str, float]:
        """For JSON; names begin with the prefix, if any."""
        told = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {f"{prefix}_{name}" if prefix else name: round(value, 4) for name, value in told.items()}


def judge(examples: Sequence[Example], answers: Answers) -> Figures:
    """One answer for each attribute that an example asks for; an answer where the title has no value is wrong."""
    return _summed(judge_by_attribute(examples, answers).values())


def judge_by_attribute(examples: Sequence[Example], answers: Answers) -> dict[str, Figures]:
    """`judge`, apart for each attribute: those with most values first."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for example, answer in zip(examples, answers, strict=True):
        for name, values in example.values.items():
            given, own = answer.get(name), counts[name]
            own[0] += given in values
            own[1] += given is not None
            own[2] += bool(values)
    return {name: Figures(*own) for name, own in sorted(counts.items(), key=lambda pair: (-pair[1][2], pair[0]))}


def judge_openly(examples: Sequence[Example], answers: Answers) -> Figures:
    """Pairs of attribute and value, whether asked for or not."""
    correct = answered = wanted = 0
    for example, answer in zip(examples, answers, strict=True):
        pairs = {(name, value) for name, values in example.values.items() for value in values}
        correct += len(pairs & set(answer.items()))
        answered += len(answer)
        wanted += len(pairs)
    return Figures(correct, answered, wanted)


def _summed(figures: Iterable[Figures]) -> Figures:
    own = list(figures)
    return Figures(sum(one.correct for one in own), sum(one.answered for one in own), sum(one.wanted for one in own))
