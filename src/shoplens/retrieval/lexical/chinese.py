"""Chinese: where words begin and end, and how they sound."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import rjieba

#: Latin letters and Chinese characters that make one word ("T恤"), beside those that the dictionary has.
MIXED_LETTERS = 3  # letters before the first character, at most
MIXED_CHARACTERS = 3
LONGEST_PHRASE = 8  # characters whose common sound is looked up; longer phrases are proverbs
REMEMBERED = 50_000  # words whose inner words are kept in memory
_OFTEN = 100_000_000  # frequency of a shop's own words: nothing in the dictionary outweighs them


class Segmenter:
    """rjieba (https://crates.io/crates/jieba-rs) without guessing: what the dictionary lacks falls into characters.

    A guess (jieba's hidden Markov model) depends on what stands beside a word, so that a title and a query would be cut
    differently; characters next to one another are found as such. `words` are added to the dictionary.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._jieba = _dictionary(tuple(words))
        self._within: dict[str, tuple[tuple[str, int, int], ...]] = {}
        self._own = frozenset(words)

    def words(self, run: str) -> list[tuple[str, int, int]]:
        """A run of characters cut into words, each with its place in the run; together they are the run."""
        place, cut = 0, []
        for word in self._jieba.cut(run, hmm=False):
            cut.append((word, place, place + len(word)))
            place += len(word)
        return cut

    def within(self, word: str) -> tuple[tuple[str, int, int], ...]:
        """Words of two or three characters within a word ("农业", "银行" in "农业银行"), with their places in it."""
        if len(word) < 3:
            return ()
        known = self._within.get(word)
        if known is None:
            if len(self._within) >= REMEMBERED:
                self._within.clear()
            found = self._jieba.tokenize(word, mode="search", hmm=False)
            known = tuple(one for one in found if 1 < len(one[0]) < len(word))
            self._within[word] = known
        return known

    def mixed(self, letters: str, run: str) -> list[str]:
        """Known words that Latin letters and the characters right behind them make, the longest first."""
        if len(letters) > MIXED_LETTERS:
            return []
        found = []
        for size in range(min(MIXED_CHARACTERS, len(run)), 0, -1):
            word = letters + run[:size]
            if word in self._own or self._jieba.has_word(letters.upper() + run[:size]):
                found.append(word)
        return found


@lru_cache(maxsize=4)
def _dictionary(words: tuple[str, ...]) -> rjieba.Jieba:
    """The dictionary with these words, read once for all who cut by it: a tenth of a second, and 24 MB."""
    made = rjieba.Jieba()
    for word in words:
        made.add_word(word, _OFTEN, None)
    return made


@dataclass(frozen=True, slots=True)
class _Sounds:
    characters: Mapping[int, str] = field(repr=False)
    phrases: Mapping[str, list[list[str]]] = field(repr=False)


@cache
def _sounds() -> _Sounds:
    """pypinyin's tables (MIT), read once: half a second, 50 MB."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    return _Sounds(PINYIN_DICT, PHRASES_DICT)


def load_sounds() -> None:
    """Read pypinyin's tables now, if they are not yet."""
    _sounds()


def pinyin(word: str) -> str:
    """How a Chinese word sounds, without tones and dots: "手机" → "shouji", "绿" → "lu". "" when nobody knows."""
    return "".join(syllables(word))


def syllables(word: str) -> list[str]:
    """The same, character by character; [] when nobody knows.

    By the longest phrases that are known, from the left, because 重 is "chong" in 重庆, also in 重庆火锅.
    """
    sounds = _sounds()
    spelt: list[str] = []
    while len(spelt) < len(word):
        rest = word[len(spelt) :]
        sizes = range(min(len(rest), LONGEST_PHRASE), 1, -1)
        phrase = next((found for size in sizes if (found := sounds.phrases.get(rest[:size])) is not None), None)
        if phrase is not None:
            spelt += [_toneless(readings[0]) for readings in phrase]
            continue
        readings = sounds.characters.get(ord(rest[0]))
        if readings is None:
            return []
        spelt.append(_toneless(readings.split(",", 1)[0]))
    return spelt


@cache
def _toneless(syllable: str) -> str:
    plain = unicodedata.normalize("NFD", syllable.replace("ɡ", "g"))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalpha())
