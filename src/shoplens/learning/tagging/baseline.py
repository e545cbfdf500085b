"""What a tagger is measured against: the entities of the training sentences, found again by their words.

As the shared task's own baseline (Tjong Kim Sang and De Meulder, 2003): the longest known phrase wins, and has the kind
that it had most often.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from shoplens.domain.tagging import Span, TaggedSentence, labels_of, spans_of


def tag_known_phrases(learnt: Sequence[TaggedSentence], sentences: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Labels of the units of `sentences`."""
    counted: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for one in learnt:
        for span in spans_of(one.labels):
            counted[one.units[span.start : span.end]][span.kind] += 1
    kinds = {phrase: kind.most_common(1)[0][0] for phrase, kind in counted.items()}
    longest = max(map(len, kinds), default=0)
    return [labels_of(_known(tuple(units), kinds, longest), len(units)) for units in sentences]


def _known(units: tuple[str, ...], kinds: dict[tuple[str, ...], str], longest: int) -> list[Span]:
    found: list[Span] = []
    at = 0
    while at < len(units):
        ends = range(min(at + longest, len(units)), at, -1)
        end = next((end for end in ends if units[at:end] in kinds), 0)
        if end:
            found.append(Span(at, end, kinds[units[at:end]]))
        at = end or at + 1
    return found
