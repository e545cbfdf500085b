"""Whether a sentence that something else wrote says no more than its sources do.

Each part of it must be covered by one sentence of the sources: every word of it that says something, every number with
its unit, every word that turns a policy, every promise; and it must deny exactly where that sentence does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shoplens.apps.assistant.grounding.statements import Statement, clauses_of, parts_of, statement_of
from shoplens.apps.assistant.sentences import split_sentences, without_marker

MOST_OF_A_TITLE = 8  # words of a heading, which says what the sentences below it are about


@dataclass(frozen=True, slots=True)
class _Known:
    """A sentence of a source with what it is about beyond its own words."""

    own: Statement
    parts: tuple[Statement, ...]
    clauses: tuple[Statement, ...]
    context: tuple[Statement, ...]  # heading, and the sentence that an "it" points back to

    def lacks(self, said: Statement) -> list[str]:
        """Words that stand neither in it nor in its context."""
        return [one for one in sorted(said.words) if not any(s.says(one) for s in (self.own, *self.context))]


def strict_fault(sentence: str, sources: Sequence[str]) -> str:
    """The first thing that the sources do not say, "" when they say everything."""
    known = [one for source in sources for one in _sentences(source)]
    said = without_marker(sentence)
    whole = statement_of(said)
    if any(one.own.text.strip(" .。!！") == whole.text.strip(" .。!！") for one in known):
        return ""
    fault = _fault(whole, clauses_of(said), known)
    parts = clauses_of(said)
    if not fault or len(parts) == 1:
        return fault
    return next((wrong for one in parts if (wrong := _fault(one, (one,), known))), "")


def _fault(said: Statement, clauses: Sequence[Statement], known: Sequence[_Known]) -> str:
    covering = [one for one in known if not one.lacks(said)]
    if not covering:
        missing = min((one.lacks(said) for one in known), key=len, default=["no source"])
        return f"word {missing[0]}"
    nearest = max(covering, key=lambda one: _likeness(said, one.own))
    part = max(nearest.parts, key=lambda one: _likeness(said, one))
    faults = (
        *(f"number {number:g} {unit}".strip() for number, unit in sorted(said.quantities - nearest.own.quantities)),
        *(f"turned {turn}" for turn in sorted(said.turns - (nearest.own.turns & part.turns))),
        *(f"promise {promise}" for promise in sorted(said.promises - nearest.own.promises)),
        *(["denial"] if {nearest.own.denies, part.denies} != {said.denies} else []),
        *(wrong for one in clauses if (wrong := _exchanged(one, nearest))),
    )
    return next(iter(faults), "")


def _exchanged(said: Statement, known: _Known) -> str:
    """A number that belongs to another clause: of "standard 3.90, express 9.90", express for 3.90."""
    shared = [len(_marks(said) & _marks(one)) for one in known.clauses]
    best = [one for one, many in zip(known.clauses, shared, strict=True) if many == max(shared)]
    near = {quantity for one in best for quantity in one.quantities}
    wrong = sorted(said.quantities - near) if max(shared) else []
    return f"number {wrong[0][0]:g} of another clause" if wrong else ""


def _marks(one: Statement) -> frozenset[str]:
    return one.words | one.turns


def _likeness(said: Statement, known: Statement) -> float:
    """Words, turns and quantities in common, for the size of both."""
    shared = sum(known.says(one) for one in said.words) + len(said.turns & known.turns)
    shared += len(said.quantities & known.quantities)
    return float(shared / max(len(known.words) + len(known.turns), 1) ** 0.5)


def _sentences(source: str) -> Iterator[_Known]:
    texts = [without_marker(one) for one, _ in split_sentences(source)]
    heading = statement_of(texts[0]) if texts else None
    titled = heading is not None and not heading.quantities and not heading.promises and not heading.denies
    for place, text in enumerate(texts):
        own = statement_of(text)
        context = [heading] if titled and heading is not None and len(heading.words) <= MOST_OF_A_TITLE else []
        if own.points_back and place:
            context.append(statement_of(texts[place - 1]))
        yield _Known(own, parts_of(text), clauses_of(text), tuple(context))
