"""Texts with counts, found by the beginning of any of their words, with a letter wrong, and Chinese ones by pinyin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import islice

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.prefixes import LONGEST, PrefixIndex, Range
from shoplens.retrieval.lexical.chinese import Segmenter, syllables
from shoplens.retrieval.lexical.folding import HAN, fold

STARTS = 5  # words of a text by which it is found
LATER = 0.6  # how much a text counts that is found by another word than its first
# How much the ways of finding count.
AS_TYPED, AS_SPELT, BY_INITIALS, AS_HEARD, MISTYPED, MISSPELT = 1.0, 0.9, 0.7, 0.5, 0.4, 0.35
MOST_FOUND = 40  # texts of one way of finding that are looked at

_RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
_HAN = re.compile(rf"[{HAN}]")
_LETTERS = re.compile(r"[a-z0-9 ]+")


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that what was typed may become."""

    entry: int
    score: float
    start: int  # of the folded text's word that begins as was typed
    how: float  # it was found: AS_TYPED, …


Key = tuple[str, int, int]  # how a text may begin, its entry, where in the text


class Completions:
    """Not safe for several threads: whoever holds one has a lock."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.folded: list[str] = []
        self._numbers: dict[str, int] = {}  # folded text → entry
        self._weight = np.zeros(1_024, np.float32)  # 0 = is not offered
        self._typed = PrefixIndex()
        self._spelt = PrefixIndex()  # Chinese as pinyin
        self._initials = PrefixIndex()
        self._waiting: tuple[list[Key], list[Key], list[Key]] = ([], [], [])  # keys of each, added `later`

    def __len__(self) -> int:
        return len(self.texts)

    def entry(self, text: str) -> int | None:
        """Number of a text, whatever its letter case; None when it is not here."""
        return self._numbers.get(fold(tidy(text)).text)

    def add(self, texts: Iterable[str], *, later: bool = False) -> list[int]:
        """Entries of texts, new ones with weight 0. Many at once are much faster than one by one; those that are to be
        found `later` wait for `settle`."""
        entries: list[int] = []
        met: dict[str, int] = {}  # brands and categories come with every product
        typed, spelt, initials = self._waiting
        for said in texts:
            if said in met:
                entries.append(met[said])
                continue
            text = tidy(said)
            folded = fold(text).text
            number = self._numbers.get(folded)
            if number is None:
                number = self._numbers[folded] = len(self.texts)
                self.texts.append(text)
                self.folded.append(folded)
                begin = starts(folded)
                typed += [(folded[start:], number, start) for start in begin]
                if _HAN.search(folded):
                    heard = sounds(folded)
                    spelt += [("".join(heard[start : start + LONGEST]), number, start) for start in begin]
                    initials += [(_initials(heard[start : start + LONGEST]), number, start) for start in begin]
            met[said] = number
            entries.append(number)
        while len(self.texts) > len(self._weight):
            self._weight = np.concatenate([self._weight, np.zeros_like(self._weight)])
        if not later:
            self.settle()
        return entries

    def settle(self) -> None:
        """Let all be found that was added."""
        for index, keys in zip((self._typed, self._spelt, self._initials), self._waiting, strict=True):
            if keys:
                index.add(keys)
                keys.clear()

    def weigh(self, entry: int, weight: float) -> None:
        """How much an entry counts; 0 takes it out of what is offered."""
        self._weight[entry] = weight

    def best(self, n: int) -> list[Completion]:
        """The n that count most, whatever was typed."""
        weight = self._weight[: len(self.texts)]
        top = _largest(weight, n).tolist()
        return [Completion(entry, float(weight[entry]), 0, 0.0) for entry in top if weight[entry] > 0]

    def complete(self, prefix: str, n: int) -> list[Completion]:
        """Texts that a folded `prefix` may become, best first, at least n where there are as many."""
        found: dict[int, Completion] = {}
        self._collect(found, self._typed, [self._typed.find(prefix)], AS_TYPED)
        letters = _LETTERS.fullmatch(prefix) is not None
        spelt = "".join(sounds(prefix)) if letters or _HAN.search(prefix) else ""
        if spelt:
            typings = dict.fromkeys((spelt, spelt.replace("v", "u")))  # "lü", kept as "lu", is often typed "lv"
            self._collect(found, self._spelt, map(self._spelt.find, typings), AS_SPELT if letters else AS_HEARD)
        if letters:
            self._collect(found, self._initials, [self._initials.find(spelt)], BY_INITIALS)
        if len(found) < n:
            self._collect(found, self._typed, self._typed.near(prefix), MISTYPED)
        if len(found) < n and letters:
            self._collect(found, self._spelt, self._spelt.near(spelt), MISSPELT)
        return sorted(found.values(), key=lambda one: -one.score)

    def highlighted(self, one: Completion, prefix: str) -> str:
        """HTML, escaped, with what was typed in <em>."""
        text, folded = self.texts[one.entry], self.folded[one.entry]
        heard = one.how in (AS_SPELT, BY_INITIALS, AS_HEARD, MISSPELT)
        size = heard_size(folded[one.start :], prefix, one.how == BY_INITIALS) if heard else len(prefix.rstrip())
        return emphasised(text, one.start, one.start + size)

    def _collect(self, found: dict[int, Completion], index: PrefixIndex, ranges: Iterable[Range], how: float) -> None:
        for one in ranges:
            if one[0] == one[1]:
                continue
            entries, places = index.entries(one)
            score = self._weight[entries] * np.where(places == 0, np.float32(how), np.float32(how * LATER))
            for k in _largest(score, MOST_FOUND).tolist():
                entry, value = int(entries[k]), float(score[k])
                before = found.get(entry)
                if value > 0 and (before is None or before.score < value):
                    found[entry] = Completion(entry, value, int(places[k]), how)


def emphasised(text: str, start: int, end: int) -> str:
    """HTML, escaped, with a span of the folded text in <em>."""
    folded = fold(text)
    start, end = folded.span(start, min(end, len(folded.text))) if end > start else (0, 0)
    before, typed, after = text[:start], text[start:end], text[end:]
    return f"{escape(before)}<em>{escape(typed)}</em>{escape(after)}" if typed else escape(text)


def tidy(text: str) -> str:
    """One space between words, none around them."""
    return " ".join(text.split())


def starts(text: str) -> list[int]:
    """Where the first STARTS words of a folded text begin, the first character among them."""
    return list(dict.fromkeys(islice(_word_starts(text), STARTS)))


def _word_starts(text: str) -> Iterator[int]:
    yield 0
    for run in _RUN.finditer(text):
        if _HAN.match(run.group()):
            for _, start, _ in _segmenter().words(run.group()):
                yield run.start() + start
        else:
            yield run.start()


@cache
def _segmenter() -> Segmenter:
    return Segmenter()


def sounds(text: str) -> list[str]:
    """What each character of a folded text sounds like in pinyin; letters and digits as they are, others as ""."""
    said = [""] * len(text)
    for run in _RUN.finditer(text):
        if not _HAN.match(run.group()):
            said[run.start() : run.end()] = run.group()
            continue
        for word, start, end in _segmenter().words(run.group()):
            known = syllables(word)
            if len(known) == len(word):  # else nobody knows
                said[run.start() + start : run.start() + end] = known
    return said


def heard_size(text: str, prefix: str, initials: bool) -> int:
    """How many characters of a folded text a piece of pinyin covers."""
    size, length = len("".join(sounds(prefix))), 0
    for count, said in enumerate(sounds(text), start=1):
        length += len(said[:1] if initials else said)
        if length >= size:
            return count
    return len(text)


def _initials(said: list[str]) -> str:
    return "".join(one[:1] for one in said)


def _largest(values: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.intp]:
    """Places of the n largest, largest first."""
    if len(values) > n:
        top = np.argpartition(-values, n)[:n]
        return top[np.argsort(-values[top], kind="stable")]
    return np.argsort(-values, kind="stable")
