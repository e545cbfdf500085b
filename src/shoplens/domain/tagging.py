"""Texts with entities marked in them: units (words or characters), a label each, spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OUTSIDE = "O"
BEGINS, GOES_ON = "B-", "I-"


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """Units in their order and the label of each: O, B-KIND where an entity begins, I-KIND where it goes on."""

    units: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """An entity by its units: from `start` up to and without `end`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity in a text, by characters: `text[start:end]`."""

    start: int
    end: int
    text: str
    kind: str
    score: float  # how sure the tagger is of its least certain unit; 0 to 1


def spans_of(labels: Sequence[str]) -> list[Span]:
    """The entities of a sentence; an I-KIND that continues nothing of its kind begins one, as conlleval reads it."""
    found: list[Span] = []
    for place, label in enumerate(labels):
        kind = label[2:]
        if label == OUTSIDE:
            continue
        if label.startswith(GOES_ON) and found and found[-1].end == place and found[-1].kind == kind:
            found[-1] = Span(found[-1].start, place + 1, kind)
        else:
            found.append(Span(place, place + 1, kind))
    return found


def labels_of(spans: Iterable[Span], units: int) -> tuple[str, ...]:
    """The labels of so many units: the inverse of `spans_of`."""
    labels = [OUTSIDE] * units
    for span in spans:
        labels[span.start : span.end] = [GOES_ON + span.kind] * (span.end - span.start)
        labels[span.start] = BEGINS + span.kind
    return tuple(labels)


def label_set(kinds: Iterable[str]) -> tuple[str, ...]:
    """All labels for these kinds of entity, O first."""
    return (OUTSIDE, *(prefix + kind for kind in sorted(set(kinds)) for prefix in (BEGINS, GOES_ON)))
