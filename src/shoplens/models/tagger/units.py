"""Cuts raw texts into the units that are labelled, with where each stands in the text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff"
# Abbreviations with dots, numbers with separators, words with inner marks (all-rounder, O'Neill, AT&T), else one sign.
# Signs of scripts without spaces stand alone.
WORD = re.compile(rf"(?:[^\W\d_]\.){{2,}}|\d+(?:[.,:/-]\d+)+|[^\W{HAN}]+(?:[-'’&./][^\W{HAN}]+)*|\S")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]*[A-Z0-9])|(?<=[。！？])|\n+")


@dataclass(frozen=True, slots=True)
class CutText:
    """A text's units: their own text and where they begin; a unit ends where its text does."""

    units: tuple[str, ...]
    starts: tuple[int, ...]


def cut_words(text: str, offset: int = 0) -> CutText:
    """Words and punctuation marks, in the manner of CoNLL-2003. `offset` is added to where they begin."""
    found = list(WORD.finditer(text))
    return CutText(tuple(one.group() for one in found), tuple(one.start() + offset for one in found))


def cut_characters(text: str, offset: int = 0) -> CutText:
    """Each character that is no space."""
    places = [place for place, one in enumerate(text) if not one.isspace()]
    return CutText(tuple(text[place] for place in places), tuple(place + offset for place in places))


def cut_sentences(text: str, *, characters: bool) -> list[CutText]:
    """A text's sentences, each cut; lines and the signs that end sentences part them. What has no units falls out."""
    cut = cut_characters if characters else cut_words
    edges = [0, *(one.end() for one in SENTENCE_END.finditer(text)), len(text)]
    found = [cut(text[first:last], first) for first, last in itertools.pairwise(edges)]
    return [one for one in found if one.units]


def are_characters(texts: Sequence[Sequence[str]]) -> bool:
    """Whether the units of these texts are single characters rather than words, as Chinese data has them."""
    lengths = [len(unit) for units in texts for unit in units]
    return bool(lengths) and sum(length == 1 for length in lengths) >= 0.95 * len(lengths)
