"""A sentence against its sources.

It is supported when every number and name of it stands in them, when it promises nothing that they do not, when it
denies exactly where they do, and when its words are theirs: all of them that say something (see `strict`), or most of
them where our own templates wrote it. A judge without a network errs on the strict side: a true sentence in quite other
words is dropped, which costs fluency and no trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shoplens.apps.assistant.grounding.claims import Claims, claims_of, words_of
from shoplens.apps.assistant.grounding.strict import strict_fault
from shoplens.apps.assistant.sentences import split_sentences, without_marker
from shoplens.retrieval.lexical.folding import fold

COVERED = 0.6  # share of a sentence's words that its sources must have


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a sentence is supported, and if not, why."""

    supported: bool
    reason: str = ""  # "number 90", "name …", "promise free", "denial", "words", "word …", "turned all", …


@dataclass(frozen=True, slots=True)
class _Evidence:
    text: str  # folded, all of it
    numbers: frozenset[float]
    promises: frozenset[str]
    words: frozenset[str]
    sentences: tuple[Claims, ...]


def support_of(sentence: str, sources: Sequence[str], *, own_words: bool = False) -> Support:
    """Check one sentence against the texts of its sources. `own_words`: a template wrote it, which names fields in
    words that no source has ("is in stock"); only then is it enough that most words are the sources'."""
    rough = _judge(claims_of(without_marker(sentence)), _evidence(sources), covered=COVERED if own_words else 0.0)
    if own_words or not rough.supported:
        return rough
    fault = strict_fault(sentence, sources)
    return Support(not fault, fault)


def check(text: str, sources: Sequence[str]) -> list[tuple[str, Support]]:
    """Every sentence of a text with its verdict."""
    return [(one, support_of(one, sources)) for one, _ in split_sentences(text)]


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


def _judge(said: Claims, known: _Evidence, *, covered: float) -> Support:
    return Support(not (reason := _fault(said, known, covered)), reason)


def _fault(said: Claims, known: _Evidence, covered: float) -> str:
    """The first thing that is wrong, "" when nothing is."""
    nearest = max(known.sentences, key=lambda one: _likeness(said, one), default=None)
    if strange := sorted(said.numbers - known.numbers):
        return f"number {strange[0]:g}"
    if unknown := [one for one in sorted(said.names) if one not in known.text]:
        return f"name {unknown[0]}"
    if promised := sorted(said.promises - known.promises):
        return f"promise {promised[0]}"
    if nearest is None or len(said.words & known.words) < covered * len(said.words):
        return "words"
    if covered and nearest.denies != said.denies:  # where it is compared clause by clause, that is not done here
        return "denial"
    return "" if said.numbers <= _together(said, known) else "numbers of other sentences"


def _together(said: Claims, known: _Evidence) -> frozenset[float]:
    """Numbers of the sentences that share words with what is said: "30 days" must not come from the line on parcels."""
    shared = [(_likeness(said, one, numbers=0), one) for one in known.sentences]
    least = 0.5 * max(likeness for likeness, _ in shared)
    return frozenset(number for likeness, one in shared if likeness >= least for number in one.numbers)


def _likeness(said: Claims, known: Claims, *, numbers: int = 3) -> float:
    """Words in common, and numbers, each of which counts as so many words."""
    shared = len(said.words & known.words) + numbers * len(said.numbers & known.numbers)
    return float(shared / max((len(said.words) * max(len(known.words), 1)) ** 0.5, 1.0))
