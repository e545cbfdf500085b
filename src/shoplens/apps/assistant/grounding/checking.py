"""A sentence against its sources.

It is supported when every number and name of it stands in them, when it promises nothing that they do not, when it
denies exactly where they do, and when most of its words are theirs. A judge without a network errs on the strict side:
a true sentence in quite other words is dropped, which costs fluency and no trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shoplens.apps.assistant.grounding.claims import Claims, claims_of, words_of
from shoplens.apps.assistant.sentences import split_sentences, without_marker
from shoplens.retrieval.lexical.folding import fold

COVERED = 0.6  # share of a sentence's words that its sources must have


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a sentence is supported, and if not, why."""

    supported: bool
    reason: str = ""  # "number 90", "name …", "promise free", "denial", "words"


@dataclass(frozen=True, slots=True)
class _Evidence:
    text: str  # folded, all of it
    numbers: frozenset[float]
    promises: frozenset[str]
    words: frozenset[str]
    sentences: tuple[Claims, ...]


def support_of(sentence: str, sources: Sequence[str]) -> Support:
    """Check one sentence against the texts of its sources."""
    return _judge(claims_of(without_marker(sentence)), _evidence(sources))


def check(text: str, sources: Sequence[str]) -> list[tuple[str, Support]]:
    """Every sentence of a text with its verdict."""
    evidence = _evidence(sources)
    return [(one, _judge(claims_of(without_marker(one)), evidence)) for one, _ in split_sentences(text)]


def _evidence(sources: Iterable[str]) -> _Evidence:
    texts = list(sources)
    sentences = tuple(claims_of(without_marker(one)) for text in texts for one, _ in split_sentences(text))
    return _Evidence(
        " ".join(fold(text).text for text in texts),
        frozenset(number for one in sentences for number in one.numbers),
        frozenset(promise for one in sentences for promise in one.promises),
        frozenset(word for text in texts for word in words_of(text)),
        sentences,
    )


def _judge(said: Claims, known: _Evidence) -> Support:
    for number in sorted(said.numbers - known.numbers):
        return Support(False, f"number {number:g}")
    for name in sorted(said.names):
        if name not in known.text:
            return Support(False, f"name {name}")
    for promise in sorted(said.promises - known.promises):
        return Support(False, f"promise {promise}")
    if said.words and len(said.words & known.words) < COVERED * len(said.words):
        return Support(False, "words")
    nearest = max(known.sentences, key=lambda one: _likeness(said, one), default=None)
    if nearest is None:
        return Support(False, "words")
    if nearest.denies != said.denies:
        return Support(False, "denial")
    if not said.numbers <= _together(said, known):
        return Support(False, "numbers of other sentences")
    return Support(True)


def _together(said: Claims, known: _Evidence) -> frozenset[float]:
    """Numbers of the sentences that share words with what is said: "30 days" must not come from the line on parcels."""
    near = sorted(known.sentences, key=lambda one: -_likeness(said, one))[:3]
    return frozenset(number for one in near for number in one.numbers)


def _likeness(said: Claims, known: Claims) -> float:
    shared = len(said.words & known.words) + len(said.numbers & known.numbers)
    return shared / max(len(said.words) ** 0.5 * max(len(known.words), 1) ** 0.5, 1.0)
