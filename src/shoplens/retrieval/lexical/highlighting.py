"""Which words of a text a query found."""

from __future__ import annotations

from shoplens.retrieval.lexical.analyser import Analyser, Term
from shoplens.retrieval.lexical.plan import Plan

MOST_CHARACTERS = 20_000  # of a text; what follows is not marked
SHORT = 400  # characters of a text whose terms are remembered: titles, brands and categories come again and again


class Marks:
    """Finds the words of one plan in text after text."""

    def __init__(self, plan: Plan, analyser: Analyser) -> None:
        self._analyser = analyser
        self._single: set[str] = set()
        self._chains: dict[str, list[tuple[str, ...]]] = {}  # by their first term
        variants = {variant.terms for group in plan.groups for variant in group.variants}
        for terms in variants | set(plan.phrases):
            if len(terms) == 1 and terms in variants:
                self._single.add(terms[0])
            if len(terms) > 1 or terms in plan.phrases:
                self._chains.setdefault(terms[0], []).append(terms)

    def __call__(self, text: str) -> list[tuple[int, int]]:
        """(start, end) in the text as it is, in order; what overlaps is one span."""
        if not self._single and not self._chains:
            return []
        terms = self._analyser.terms_again(text) if len(text) <= SHORT else self._analyser.terms(text[:MOST_CHARACTERS])
        found = [(term.start, term.end) for term in terms if term.text in self._single]
        if self._chains:
            bases = [term for term in terms if not term.extra]
            found.extend(
                (term.start, bases[place + len(chain) - 1].end)
                for place, term in enumerate(bases)
                for chain in self._chains.get(term.text, ())
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
