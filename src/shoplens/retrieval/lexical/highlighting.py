"""Which words of a text a query found."""

from __future__ import annotations

from shoplens.retrieval.lexical.analyser import Analyser, Term
from shoplens.retrieval.lexical.plan import Plan

MOST_CHARACTERS = 20_000  # of a text; what follows is not marked


def spans(plan: Plan, analyser: Analyser, text: str) -> list[tuple[int, int]]:
    """(start, end) in the text as it is, in order; what overlaps is one span."""
    single: set[str] = set()
    chains: set[tuple[str, ...]] = set(plan.phrases)
    for group in plan.groups:
        for variant in group.variants:
            if len(variant.terms) == 1:
                single.add(variant.terms[0])
            else:
                chains.add(variant.terms)
    if not single and not chains:
        return []
    terms = analyser.terms(text[:MOST_CHARACTERS])
    found = [(term.start, term.end) for term in terms if term.text in single]
    bases = [term for term in terms if not term.extra]
    firsts = {chain[0]: [other for other in chains if other[0] == chain[0]] for chain in chains}
    for place, term in enumerate(bases):
        found.extend(
            (term.start, bases[place + len(chain) - 1].end)
            for chain in firsts.get(term.text, ())
            if _matches(bases, place, chain)
        )
    return _merged(found)


def _matches(bases: list[Term], place: int, chain: tuple[str, ...]) -> bool:
    return tuple(term.text for term in bases[place : place + len(chain)]) == chain


def _merged(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged
