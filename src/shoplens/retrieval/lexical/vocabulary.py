"""The words that an index holds: which are spelt nearly so, begin so, or sound so."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA

from shoplens.retrieval.lexical.chinese import pinyin

LONGEST = 24  # letters of a word that is corrected
SHORTEST = 3
FEWEST_TWICE = 8  # letters from which a word may hold two mistakes
FEWEST_ONCE = 4
REMEMBERED = 20_000  # words whose neighbours are kept

_Near = tuple[tuple[str, int, int], ...]


def edits_allowed(word: str) -> int:
    """Mistakes that a word of this length may hold: none below four letters, two from eight."""
    if not word.isalpha() or len(word) < FEWEST_ONCE or len(word) > LONGEST:
        return 0
    return 2 if len(word) >= FEWEST_TWICE else 1


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words in alphabetical order, with how many products hold each. Built from an index as it stood at some moment."""

    words: list[str]
    counts: npt.NDArray[np.int32]  # [len(words)]
    _near: dict[tuple[str, int], _Near] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.words)

    def count(self, word: str) -> int:
        """How many products hold it."""
        place = bisect_left(self.words, word)
        return int(self.counts[place]) if place < len(self.words) and self.words[place] == word else 0

    def beginning(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Words that begin so, the most frequent first."""
        start = bisect_left(self.words, prefix)
        end = bisect_left(self.words, prefix + "\U0010ffff", lo=start)
        counts = self.counts[start:end]
        chosen = np.argpartition(-counts, limit - 1)[:limit] if len(counts) > limit else np.arange(len(counts))
        order = chosen[np.lexsort((chosen, -counts[chosen]))]
        return [(self.words[start + place], int(counts[place])) for place in order]

    def near(self, word: str, edits: int) -> _Near:
        """Words within so many edits (insert, delete, replace, swap neighbours): (word, edits, count).

        Sorted by edits, then frequency. A first letter that differs counts as one mistake more, since people rarely
        miss it; two letters swapped there do not. Optimal string alignment, of words that a comparison of letter counts
        lets through (26 letters, each counted up to two, are 52 bits; one edit changes at most two of them).
        """
        key = (word, edits)
        found = self._near.get(key)
        if found is None:
            if len(self._near) >= REMEMBERED:
                self._near.clear()
            found = self._near[key] = tuple(self._nearby(word, edits))
        return found

    def sounding(self, sound: str, *, alone: bool = False) -> tuple[str, ...]:
        """Chinese words with this pinyin (no tones, no spaces), the most frequent first. `alone`: and characters."""
        characters = self._characters.get(sound, ()) if alone else ()
        sounds, words = self._sounds
        found = list(characters)
        place = bisect_left(sounds, sound)
        while place < len(sounds) and sounds[place] == sound:
            found.append(words[place])
            place += 1
        return tuple(sorted(found, key=lambda one: -self.count(one)))

    def sounding_from(self, sound: str, limit: int) -> tuple[str, ...]:
        """Chinese words whose pinyin begins so, the most frequent first."""
        sounds, words = self._sounds
        start, end = bisect_left(sounds, sound), bisect_left(sounds, sound + "{")
        return tuple(sorted(words[start : min(end, start + 2_000)], key=lambda one: -self.count(one))[:limit])

    def prepare(self) -> Vocabulary:
        """Work out now what the first search would have to wait for."""
        _ = self._letters
        _ = self._sounds, self._characters
        return self

    def _nearby(self, word: str, edits: int) -> list[tuple[str, int, int]]:
        places, signatures, starts = self._letters
        low, high = max(SHORTEST, len(word) - edits), min(LONGEST, len(word) + edits)
        if low > high:  # longer than any word that is held
            return []
        start, end = starts[low], starts[high + 1]
        differing = np.bitwise_count(signatures[start:end] ^ _signature(word))
        found = []
        for place in places[start:end][differing <= 2 * edits]:
            other = self.words[place]
            distance = OSA.distance(word, other, score_cutoff=edits)
            if not 0 < distance <= edits:
                continue
            if other[0] != word[0] and not (other[0] == word[1] and other[1] == word[0]):
                distance += 1
            if distance <= edits:
                found.append((other, distance, int(self.counts[place])))
        return sorted(found, key=lambda one: (one[1], -one[2], one[0]))

    @cached_property
    def _letters(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], list[int]]:
        """Places of Latin words by length, signatures beside them, where each length begins ([LONGEST + 2])."""
        by_length: list[list[int]] = [[] for _ in range(LONGEST + 2)]
        for place, word in enumerate(self.words):
            if SHORTEST <= len(word) <= LONGEST and word.isalpha() and word[0] < "\u0250":
                by_length[len(word)].append(place)
        starts = [0]
        for places in by_length:
            starts.append(starts[-1] + len(places))
        order = np.array([place for places in by_length for place in places], np.int64)
        signatures = np.array([_signature(self.words[place]) for place in order], np.uint64)
        return order, signatures, starts[:-1]

    @cached_property
    def _characters(self) -> dict[str, list[str]]:
        """Pinyin → Chinese characters."""
        start, found = bisect_left(self.words, "\u3400"), dict[str, list[str]]()
        for word in self.words[start:]:
            if len(word) == 1:
                found.setdefault(pinyin(word), []).append(word)
        return found

    @cached_property
    def _sounds(self) -> tuple[Sequence[str], Sequence[str]]:
        """Pinyin in order, and the words beside it."""
        pairs = sorted(
            (sound, word) for word in self.words if len(word) > 1 and word[0] >= "\u3400" and (sound := pinyin(word))
        )
        return [sound for sound, _ in pairs], [word for _, word in pairs]


def _signature(word: str) -> np.uint64:
    """Which letters a word holds once, and which twice or more; letters beyond a–z share twelve bits."""
    bits = 0
    for letter in word:
        code = ord(letter) - 97
        bit = 1 << (2 * code) if 0 <= code < 26 else 1 << (52 + ord(letter) % 12)
        bits |= bit << 1 if bits & bit and 0 <= code < 26 else bit
    return np.uint64(bits)
