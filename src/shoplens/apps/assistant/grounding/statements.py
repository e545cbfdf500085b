"""A sentence taken apart for the strict comparison: quantities, turning words, promises, denial, and words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from shoplens.apps.assistant.grounding.claims import claims_of, words_of
from shoplens.apps.assistant.grounding.quantities import Quantity, quantities_of
from shoplens.apps.assistant.grounding.turning import turning_of
from shoplens.apps.assistant.grounding.vocabulary import SAME, SAME_ZH, SILENT, SILENT_ZH
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.retrieval.lexical.chinese import Segmenter
from shoplens.retrieval.lexical.english import SPELLINGS, base
from shoplens.retrieval.lexical.folding import HAN, fold

_SEGMENTER = Segmenter()
_LATIN = re.compile(r"[a-z0-9]+(?:['’][a-z]+)?")
_CHINESE = re.compile(rf"[{HAN}]+")
_CLAUSES = re.compile(
    r"[;:；：，。]\s*|,(?!\d)\s*|\s[–—-]\s|\b(?:and|but|while|whereas)\b(?!\s*\d)|(?:但是|但|而且|并且|不过)",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[;；。]\s*|(?:,|(?<!\s))\s*\b(?:but|however|whereas)\b|[，,]?(?:但是|但|不过)", re.IGNORECASE)
_POINTS_BACK = re.compile(r"^\W*(?:it|this|that|these|those|they|它|这|该|此|其)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence or a part of it states."""

    text: str  # folded, with Chinese words that mean the same written alike
    quantities: frozenset[Quantity]
    turns: frozenset[str]
    promises: frozenset[str]
    denies: bool
    words: frozenset[str]  # roots and Chinese words that say something
    points_back: bool = False  # begins with "it" or "this"

    def says(self, word: str) -> bool:
        """Whether a word stands in it; a Chinese one may be part of a longer one."""
        return word in self.words or (not word.isascii() and word in self.text)


@lru_cache(maxsize=20_000)
def statement_of(text: str) -> Statement:
    """See `Statement`."""
    claims = claims_of(text)
    plain = _alike(fold(text).text)
    turns, rest = turning_of(plain)
    quantities, rest = quantities_of(rest.lower())
    latin = {_root(one.removesuffix("'s").removesuffix("’s")) for one in _LATIN.findall(rest) if one not in SILENT}
    chinese = {word for run in _CHINESE.findall(SILENT_ZH.sub(" ", rest)) for word, _, _ in _SEGMENTER.words(run)}
    return Statement(
        plain,
        quantities,
        turns,
        claims.promises,
        claims.denies,
        frozenset(latin - SILENT | chinese),
        _POINTS_BACK.match(text) is not None,
    )


@lru_cache(maxsize=20_000)
def clauses_of(text: str) -> tuple[Statement, ...]:
    """Between commas, colons and "and": what an answer may put together from several sentences of a source."""
    return _cut(text, _CLAUSES)


@lru_cache(maxsize=20_000)
def parts_of(text: str) -> tuple[Statement, ...]:
    """Between semicolons and "but": what a sentence of a source says one after the other, and perhaps denies."""
    return _cut(text, _PARTS)


def _cut(text: str, at: re.Pattern[str]) -> tuple[Statement, ...]:
    """Parts that are about something; what is not stays with the part after it."""
    parts, before = [], ""
    for one in at.split(text):
        before = f"{before} {one}".strip()
        if statement_of(before).words:
            parts.append(before)
            before = ""
    if before and parts:
        parts[-1] = f"{parts[-1]} {before}"
    return tuple(statement_of(one) for one in parts or [text])


def _alike(text: str) -> str:
    for word, first in SAME_ZH.items():
        text = text.replace(word, first)
    return text


def _root(word: str) -> str:
    """Without endings: returned, returning, returnable → return."""
    one = base(SPELLINGS.get(word, word))
    if one in SAME:
        return SAME[one]
    for end in ("ational", "ability", "able", "ing", "ed", "ment", "ally", "ly", "ery", "er"):
        if one.endswith(end) and len(one) - len(end) >= 3:
            one = one.removesuffix(end)
            break
    if len(one) > 3 and one[-1] == one[-2] and one[-1] not in "ls":
        one = one[:-1]
    one = one.removesuffix("e") if len(one) > 3 else one
    return _ROOTS.get(one, one)


_ROOTS: dict[str, str] = {}
_ROOTS.update({_root(word): first for word, first in SAME.items()})


def forget_sentences() -> None:
    """Give up every text that was taken apart here: sentences about orders name what somebody bought."""
    taken_apart = (statement_of, clauses_of, parts_of, claims_of, words_of, quantities_of, turning_of)
    for remembered in (*taken_apart, speaks_to_us):
        remembered.cache_clear()
