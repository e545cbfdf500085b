"""What shops everywhere call things, in English and in Chinese: `lexicon.txt`, written for Shoplens.

It gives paraphrases to learn from (another name of the same colour, the same thing in the other language), and reads
Chinese words that shops use. It knows retail in general and nothing of any one shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import islice, product
from typing import Self

PLURAL_ONLY = frozenset({"shorts", "glasses"})  # something else than several of "short", "glass"
LONGEST = 4  # English words in a name of the lexicon

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_PARTS = re.compile(r"(?<!\s)\s*(?:,|/|&|\+|\band\b)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Idea:
    """One line of the lexicon: names that mean the same, the usual one first."""

    kind: str  # colour, material, clothing, …
    english: tuple[str, ...]
    chinese: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Other ways to say something, the usual one first; empty where none is known."""

    english: tuple[str, ...] = ()
    chinese: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Ideas, findable by any of their names."""

    ideas: tuple[Idea, ...]
    by_english: dict[str, Idea] = field(repr=False)  # plain form → idea
    by_chinese: dict[str, Idea] = field(repr=False)
    shared: dict[str, tuple[Idea, ...]] = field(repr=False)  # a name of several of one kind → all of them

    @classmethod
    def of(cls, ideas: Iterable[Idea]) -> Self:
        """With its indexes. A name that two ideas share belongs to the first."""
        kept = tuple(ideas)
        english: dict[str, Idea] = {}
        chinese: dict[str, Idea] = {}
        shared: dict[str, tuple[Idea, ...]] = {}
        for idea in kept:
            for index, names in ((english, map(plain, idea.english)), (chinese, map(str.casefold, idea.chinese))):
                for name in names:
                    first = index.setdefault(name, idea)
                    if first is not idea and first.kind == idea.kind:
                        shared[name] = (*shared.get(name, (first,)), idea)
        return cls(kept, english, chinese, shared)

    def meanings(self, value: str) -> tuple[Idea, ...]:
        """What a value as a whole may mean, the usual meaning first: 酒红色 is dark red, burgundy or maroon."""
        for index, name in ((self.by_english, plain(value)), (self.by_chinese, value.strip().casefold())):
            if name in index:
                return self.shared.get(name, (index[name],))
        return ()

    def names(self, value: str, *, most: int = 6) -> Names:
        """How else a shopper may say a catalogue's value ("Tshirts", "Navy Blue", "Necklace and Chains").

        The value as a whole, else its parts around "and", else word by word (then Chinese only, and only if every
        word is known): at most `most` names a language.
        """
        idea = self.by_english.get(plain(value)) or self.by_chinese.get(value.strip().casefold())
        if idea is not None:
            return Names(idea.english[:most], idea.chinese[:most])
        parts = [part for part in _PARTS.split(value) if part]
        if len(parts) > 1:
            known = [one for part in parts if (one := self.by_english.get(plain(part))) is not None]
            if known:
                english = [name for one in known for name in one.english[:2]]
                chinese = [name for one in known for name in one.chinese[:2]]
                return Names(tuple(english[:most]), tuple(chinese[:most]))
            return Names()
        pieces = self.pieces(plain(value).split())
        if not pieces or any(isinstance(piece, str) for piece in pieces):
            return Names()
        together = product(*(piece.chinese[:2] for piece in pieces if isinstance(piece, Idea)))
        return Names((), tuple("".join(words) for words in islice(together, most)))

    def pieces(self, words: Sequence[str]) -> list[Idea | str]:
        """Plain words cut into the longest known names, from the left; a word that is in none stays as it is."""
        found: list[Idea | str] = []
        start = 0
        while start < len(words):
            for end in range(min(len(words), start + LONGEST), start, -1):
                idea = self.by_english.get(" ".join(words[start:end]))
                if idea is not None:
                    found.append(idea)
                    start = end
                    break
            else:
                found.append(words[start])
                start += 1
        return found


@cache
def built_in() -> Lexicon:
    """The lexicon that comes with Shoplens."""
    text = files("shoplens.features.align").joinpath("lexicon.txt").read_text(encoding="utf-8")
    return Lexicon.of(read(text.splitlines()))


def read(lines: Iterable[str]) -> list[Idea]:
    """Ideas from lines "english, english = chinese, chinese" under headings "[kind]"; "#" begins a comment."""
    kind, ideas = "", []
    for line in lines:
        if line.startswith("["):
            kind = line.strip("[] \t")
        elif line and not line.startswith("#"):
            english, _, chinese = line.partition(" = ")
            ideas.append(Idea(kind, _names(english), _names(chinese)))
    return ideas


def plain(text: str) -> str:
    """English in one form: small letters, words apart by one space, singular."""
    return " ".join(singular(word.replace("'", "")) for word in _WORD.findall(text.casefold()))


def singular(word: str) -> str:
    """A word without its plural ending, well enough to compare two words that both went through here."""
    if word in PLURAL_ONLY or len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses")):
        return word[:-2]
    return word[:-1]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
