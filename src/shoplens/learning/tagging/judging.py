"""Figures of a tagger in the forms the field prints: labels of units with and without O, and whole entities, strict.

Most units of a text are outside of every entity, so that a table of units which counts O looks better than it is:
naming O always reaches .83 on CoNLL-2003. What counts is the entity table: kind and both ends right (seqeval, strict).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqeval.metrics import classification_report as seqeval_report
from seqeval.scheme import IOB2
from sklearn.metrics import precision_recall_fscore_support

from shoplens.domain.tagging import OUTSIDE, TaggedSentence, label_set, spans_of
from shoplens.errors import InputError

ERRORS = 30  # sentences that are listed
AVERAGES = ("micro", "macro", "weighted")
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A sentence in which entities differ."""

    units: tuple[str, ...]
    missed: tuple[tuple[str, str], ...]  # kind, text: there, but not found
    invented: tuple[tuple[str, str], ...]  # found, but not there


@dataclass(frozen=True, slots=True)
class JudgedTagger:
    """Each table: name → precision, recall, f1, support; the averages are rows of their own."""

    entities: Mapping[str, Figures]
    tokens: Mapping[str, Figures]
    tokens_without_o: Mapping[str, Figures]
    always_o: float  # micro-F1 of units, with O, of naming O always
    confusion: Mapping[str, Mapping[str, int]]  # label of a unit → what was said → how often, where they differ
    mistakes: tuple[Mistake, ...]
    sentences: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        overall = self.entities["micro"]
        return {
            "entity_precision": overall["precision"],
            "entity_recall": overall["recall"],
            "entity_f1": overall["f1"],
            "token_micro_f1": self.tokens["micro"]["f1"],
            "token_micro_f1_without_o": self.tokens_without_o["micro"]["f1"],
            "report": {
                "entities": self.entities,
                "tokens": self.tokens,
                "tokens_without_o": self.tokens_without_o,
                "token_micro_f1_of_always_o": self.always_o,
                "sentences": self.sentences,
                "confusion": self.confusion,
                "errors": [
                    {"text": " ".join(one.units), "missed": one.missed, "invented": one.invented}
                    for one in self.mistakes
                ],
            },
        }

    def confused(self, n: int = 10) -> list[tuple[str, str, int]]:
        """The labels of units that are mixed up most: truth, said, how often."""
        every = [(label, other, times) for label, said in self.confusion.items() for other, times in said.items()]
        return sorted(every, key=lambda one: -one[2])[:n]

    @staticmethod
    def averages(part: Mapping[str, Figures]) -> dict[str, Figures]:
        """The rows of a table that are averages."""
        return {name: part[name] for name in AVERAGES if name in part}

    def rows(self, part: Mapping[str, Figures]) -> list[list[str]]:
        """A table for people."""
        return [
            [name, *(f"{one[key]:.4f}" for key in ("precision", "recall", "f1")), f"{int(one['support']):,}"]
            for name, one in part.items()
        ]


def judge_labels(sentences: Sequence[TaggedSentence], told: Sequence[Sequence[str]]) -> JudgedTagger:
    """Compare what a tagger said of each sentence's units with what is true. InputError when lengths differ."""
    for number, (one, said) in enumerate(zip(sentences, told, strict=True), start=1):
        if len(one.labels) != len(said):
            raise InputError(f"sentence {number} has {len(one.labels)} units, but {len(said)} labels were told")
    truth = [label for one in sentences for label in one.labels]
    said = [label for one in told for label in one]
    kinds = {label[2:] for label in (*truth, *said) if label != OUTSIDE}
    labels = label_set(kinds)
    share = sum(label == OUTSIDE for label in truth) / max(len(truth), 1)
    return JudgedTagger(
        entities=_entities(sentences, told),
        tokens=_units(truth, said, labels),
        tokens_without_o=_units(truth, said, labels[1:]),
        always_o=share,
        confusion=_confusion(truth, said),
        mistakes=_mistakes(sentences, told),
        sentences=len(sentences),
    )


def _entities(sentences: Sequence[TaggedSentence], told: Sequence[Sequence[str]]) -> dict[str, Figures]:
    if not any(label != OUTSIDE for one in sentences for label in one.labels):
        raise InputError("no entity is marked in these sentences, so there is nothing to be judged by")
    found = seqeval_report(
        [list(one.labels) for one in sentences],
        [list(one) for one in told],
        mode="strict",
        scheme=IOB2,
        output_dict=True,
        zero_division=0,
    )
    return {
        name.removesuffix(" avg"): {
            "precision": float(one["precision"]),
            "recall": float(one["recall"]),
            "f1": float(one["f1-score"]),
            "support": int(one["support"]),
        }
        for name, one in found.items()
    }


def _units(truth: Sequence[str], said: Sequence[str], labels: Sequence[str]) -> dict[str, Figures]:
    """Of single labels; those not in `labels` count as wrong or missed, but have no row."""
    if not labels:
        return {}
    each = precision_recall_fscore_support(truth, said, labels=list(labels), average=None, zero_division=0.0)
    table: dict[str, Figures] = {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for label, p, r, f, n in zip(labels, *each, strict=True)
    }
    support = sum(int(one["support"]) for one in table.values())
    for average in AVERAGES:
        p, r, f, _ = precision_recall_fscore_support(
            truth, said, labels=list(labels), average=average, zero_division=0.0
        )
        table[average] = {"precision": float(p), "recall": float(r), "f1": float(f), "support": support}
    return table


def _confusion(truth: Sequence[str], said: Sequence[str]) -> dict[str, dict[str, int]]:
    counts = Counter(pair for pair in zip(truth, said, strict=True) if pair[0] != pair[1])
    table: dict[str, dict[str, int]] = {}
    for (label, other), times in counts.most_common():
        table.setdefault(label, {})[other] = times
    return table


def _mistakes(sentences: Sequence[TaggedSentence], told: Sequence[Sequence[str]]) -> tuple[Mistake, ...]:
    """Evenly spread over the data, so that the list is no list of its first page."""
    wrong = [row for row, one in enumerate(sentences) if set(spans_of(one.labels)) != set(spans_of(told[row]))]
    chosen = wrong[:: max(1, len(wrong) // ERRORS)][:ERRORS]
    found = []
    for row in chosen:
        one = sentences[row]
        known, said = set(spans_of(one.labels)), set(spans_of(told[row]))
        gap = "" if all(len(unit) == 1 for unit in one.units) else " "
        missed, invented = (
            tuple(
                (span.kind, gap.join(one.units[span.start : span.end])) for span in sorted(part, key=lambda s: s.start)
            )
            for part in (known - said, said - known)
        )
        found.append(Mistake(one.units, missed, invented))
    return tuple(found)
