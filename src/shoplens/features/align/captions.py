"""What shoppers may type to find a product, made from its attributes: "navy t-shirt", "红色高跟鞋", "Nike shoes".

Values come in the catalogue's own words and in others that mean the same (`lexicon`), in English and in Chinese.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.encoders.centring import language_of
from shoplens.features.align.facets import Codes, Facet
from shoplens.features.align.lexicon import Lexicon, plain

MOST_FACETS = 3  # in one phrase
SHARES = (0.25, 0.55, 0.2)  # of phrases with one, two, three facets
OTHER_NAME = 0.6  # how often a value is said in other words than the catalogue's
NOUN = 0.8  # how often a phrase says what the thing is
NOUN_LAST = 0.85  # how often that comes last, as it does in both languages


@dataclass(frozen=True, slots=True)
class Caption:
    """A phrase, and the facets it speaks of."""

    text: str
    facets: tuple[int, ...]  # places in the list of facets, ascending


class Phrases:
    """Makes captions for a catalogue's facets."""

    def __init__(self, facets: Sequence[Facet], lexicon: Lexicon) -> None:
        self.facets = facets
        self._names = [[spoken(value, lexicon) for value in facet.values] for facet in facets]
        self._nouns = [place for place, facet in enumerate(facets) if facet.is_noun]
        self._other = [place for place, facet in enumerate(facets) if not facet.is_noun]

    def caption(self, codes: Codes, language: str, random: np.random.Generator) -> Caption | None:
        """A phrase in "en" or "zh" for one product [facets]; None when the words for it are not known."""
        chosen = self.choose(codes, random)
        if not chosen:
            return None
        words = [self.word(place, int(codes[place]), language, random) for place in chosen]
        if not all(words):
            return None
        text = ("" if language == "zh" else " ").join(word for word in words if word)
        return Caption(text, tuple(sorted(chosen)))

    def choose(self, codes: Codes, random: np.random.Generator) -> list[int]:
        """Facets to speak of, in the order in which they are said: at most one category level among them."""
        nouns = [place for place in self._nouns if codes[place] >= 0]
        other = [place for place in self._other if codes[place] >= 0]
        wanted = int(random.choice(MOST_FACETS, p=SHARES)) + 1
        chosen: list[int] = []
        if nouns and (random.random() < NOUN or not other):
            chosen = self._draw(nouns, 1, random)
        more = self._draw(other, wanted - len(chosen), random)
        return [*more, *chosen] if random.random() < NOUN_LAST else [*chosen, *more]

    def word(self, facet: int, value: int, language: str, random: np.random.Generator) -> str:
        """A name of a value; "" when none is known in that language."""
        names = self._names[facet][value][language]
        if not names:
            return ""
        return names[int(random.integers(len(names)))] if random.random() < OTHER_NAME else names[0]

    def names(self, facet: int, value: int, language: str) -> tuple[str, ...]:
        """All names of a value in a language, the usual one first."""
        return self._names[facet][value][language]

    def _draw(self, places: list[int], many: int, random: np.random.Generator) -> list[int]:
        """Different facets, those that tell more being drawn more often."""
        many = min(many, len(places))
        if many <= 0:
            return []
        weights = np.array([self.facets[place].entropy for place in places]) + 1e-3
        drawn = random.choice(len(places), many, replace=False, p=weights / weights.sum())
        return [places[int(one)] for one in drawn]


def spoken(value: str, lexicon: Lexicon) -> dict[str, tuple[str, ...]]:
    """How a value may be said, by language; the catalogue's own words first, in their language."""
    known = lexicon.names(value)
    english, chinese = list(known.english), list(known.chinese)
    if language_of(value) == 1:
        chinese.insert(0, value)
    else:
        english[:0] = [value.casefold(), plain(value)]
    return {"en": tuple(dict.fromkeys(english)), "zh": tuple(dict.fromkeys(chinese))}
