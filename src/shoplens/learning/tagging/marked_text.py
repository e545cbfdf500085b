"""Cuts texts in which characters are marked into sentences of labelled units, as a tagger will cut them.

Whole units are labelled: an entity that begins or ends inside a word takes all of it. Of entities that overlap the
longest stays (of equally long ones the first), the others go. No sentence ends inside an entity.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from shoplens.domain.tagging import Span, TaggedSentence, labels_of
from shoplens.errors import FormatError
from shoplens.learning.tagging.marked_rows import Mark, MarkedText
from shoplens.models.tagger.units import HAN, cut_sentences, cut_words

MOSTLY = 0.5  # share of a file's words that are single signs of scripts without spaces: it is read by characters
UTF16 = "entity's place counted in UTF-16 units"
TWICE = "entity marked twice"
WIDENED = "entity widened to whole words"
_SIGN = re.compile(f"[{HAN}]")


@dataclass(frozen=True, slots=True)
class CutMarks:
    """A text's sentences, and what had to be changed."""

    sentences: list[TaggedSentence]
    fixes: list[str]
    dropped: int  # entities that overlap a longer one


def without_spaces(texts: Sequence[str]) -> bool:
    """Whether texts are mostly of scripts without spaces (Chinese, Japanese), which are labelled by characters."""
    units = [unit for text in texts for unit in cut_words(text).units]
    words = [unit for unit in units if any(map(str.isalnum, unit))]
    return bool(words) and sum(bool(_SIGN.match(unit)) for unit in words) >= MOSTLY * len(words)


def cut_marked(marked: MarkedText, *, characters: bool) -> CutMarks:
    """FormatError with the reason alone when an entity is not where it is said to be."""
    text, fixes = marked.text, list[str]()
    sentences = cut_sentences(text, characters=characters)
    units = [unit for one in sentences for unit in one.units]
    starts = [start for one in sentences for start in one.starts]
    ends = [start + len(unit) for start, unit in zip(starts, units, strict=True)]
    spans: dict[Span, None] = {}
    for mark in marked.marks:
        start, end = _place(text, mark, fixes)
        span = Span(bisect_right(ends, start), bisect_left(starts, end), mark.kind)
        if span in spans:
            fixes.append(TWICE)
        elif starts[span.start] < start or ends[span.end - 1] > end:
            fixes.append(WIDENED)
        spans[span] = None
    kept = _apart(list(spans))
    labels = labels_of(kept, len(units))
    edges = itertools.accumulate(len(one.units) for one in sentences)
    last = [edge for edge in edges if not any(span.start < edge < span.end for span in kept)]
    cut = [TaggedSentence(tuple(units[first:end]), labels[first:end]) for first, end in itertools.pairwise([0, *last])]
    return CutMarks(cut, fixes, len(spans) - len(kept))


def _place(text: str, mark: Mark, fixes: list[str]) -> tuple[int, int]:
    """From which character up to which, without white space at the ends."""
    start, end = mark.start, mark.end
    if mark.text is not None and text[max(start, 0) : max(end, 0)].strip() != mark.text.strip():
        start, end = _from_utf16(text, start), _from_utf16(text, end)  # as browsers count
        if text[start:end].strip() != mark.text.strip():
            raise FormatError("an entity's text is not what stands at its place; count Unicode characters, not bytes")
        fixes.append(UTF16)
    if not 0 <= start < end <= len(text) or not text[start:end].strip():
        raise FormatError("an entity is empty or reaches beyond its text; start and end count characters, end excluded")
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))


def _from_utf16(text: str, place: int) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * max(place, 0)].decode("utf-16-le", "ignore"))


def _apart(spans: Sequence[Span]) -> list[Span]:
    """The longest of those that overlap."""
    kept: list[Span] = []
    taken: set[int] = set()
    for span in sorted(spans, key=lambda one: one.start - one.end):
        units = range(span.start, span.end)
        if taken.isdisjoint(units):
            taken.update(units)
            kept.append(span)
    return sorted(kept, key=lambda one: one.start)
