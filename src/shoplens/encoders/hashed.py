"""Texts to vectors without any weights: hashed words and character n-grams.

Feature hashing with signs (Weinberger et al. 2009, arXiv:0902.2206) over words and over pieces of words, as fastText
reads words (Bojanowski et al. 2017, arXiv:1607.04606); Chinese, Japanese and Korean by single characters and pairs.
It knows spelling, not meaning: two texts are near when they share words, stems or typing errors.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import EncoderOptions, Vectors

Hashes = npt.NDArray[np.uint64]

TEXTS_A_CHUNK = 2_000  # keeps the working arrays at some tens of MB
CHARACTERS_A_TEXT = 4_000  # the rest of a longer text is not read
WORD_WEIGHT = 1.0
PIECE_WEIGHT = 0.35  # a word of seven letters has about 14 pieces: together they weigh about as much as the word itself

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, hence invertible modulo 2^64
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))


class HashedNgramEncoder:
    """Words, and pieces of `pieces` characters inside them, hashed with a sign into `size` numbers; log counts."""

    name = "hashed-ngrams"
    modality = "text"

    def __init__(self, *, size: int = 512, pieces: tuple[int, ...] = (3, 4, 5)) -> None:
        self.size = size
        self.pieces = pieces
        self.version = f"1-{size}-{''.join(map(str, pieces))}"

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003 - it needs none of them
        """As the settings want it: nothing to choose."""
        return cls()

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of texts. float32 [len(inputs), size], unit length; a text without a letter has one fixed vector."""
        vectors = np.empty((len(inputs), self.size), np.float32)
        for start in range(0, len(inputs), TEXTS_A_CHUNK):
            vectors[start : start + TEXTS_A_CHUNK] = self._chunk(inputs[start : start + TEXTS_A_CHUNK])
        return vectors

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """The same as `encode`: queries and products are read alike."""
        return self.encode(inputs)

    def _chunk(self, texts: Sequence[str]) -> Vectors:
        text, feature, weight = self._features(texts)
        # One entry per text and feature, with its count; in an order that no other text of the chunk has a say in, so
        # that sums are equal to the last bit in any chunk.
        order = np.lexsort((feature, text))
        text, feature, weight = text[order], feature[order], weight[order]
        first = np.flatnonzero(np.append(True, (np.diff(text) != 0) | (feature[1:] != feature[:-1])))[: len(text)]
        count = np.diff(np.append(first, len(text)))
        text, feature = text[first], feature[first]
        value = weight[first] * (1.0 + np.log(count))
        value[(feature >> np.uint64(63)).astype(bool)] *= -1.0
        cell = text * self.size + (feature % np.uint64(self.size)).astype(np.int64)
        sums = np.bincount(cell, value, minlength=len(texts) * self.size).reshape(len(texts), self.size)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        sums[length[:, 0] < 1e-9, 0] = 1.0  # no letter in it, or all its features cancelled out
        length[length < 1e-9] = 1.0
        vectors: Vectors = (sums / length).astype(np.float32)
        return vectors

    def _features(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], Hashes, npt.NDArray[np.float64]]:
        """All features of all texts: which text, its hash, its weight."""
        cleaned = [_clean(text) for text in texts]
        characters = np.frombuffer("".join(cleaned).encode("utf-32-le"), np.uint32).astype(np.uint64)
        owner = np.repeat(np.arange(len(texts)), [len(text) for text in cleaned])  # [characters]
        space = characters == ord(" ")
        ideograph = _is_ideograph(characters)
        rolling = _Rolling(characters)
        found: list[tuple[npt.NDArray[np.int64], Hashes, npt.NDArray[np.float64]]] = []

        def add(start: npt.NDArray[np.int64], length: npt.NDArray[np.int64] | int, kind: int, weight: float) -> None:
            hashes = _mix(rolling.of(start, start + length) + np.uint64(kind))
            found.append((owner[start], hashes, np.full(len(start), weight)))

        # Words: every text begins and ends with a space, so starts and ends pair up.
        begins = np.flatnonzero(space[:-1] & ~space[1:]) + 1
        ends = np.flatnonzero(~space[:-1] & space[1:]) + 1
        western = ~ideograph[begins]
        add(begins[western], (ends - begins)[western], 0, WORD_WEIGHT)
        for width in self.pieces:
            if len(characters) < width:
                continue
            windows = np.arange(len(characters) - width + 1)
            # A space may stand at either end (it marks the word's edge), never inside; ideographs have their own rule.
            inside = _none_of(space, windows + 1, width - 2) & _none_of(ideograph, windows, width)
            whole_text = owner[windows] == owner[windows + width - 1]
            add(
                windows[inside & whole_text & ~(space[windows] & space[windows + width - 1])],
                width,
                width,
                PIECE_WEIGHT,
            )
        single = np.flatnonzero(ideograph)
        add(single, 1, 1, PIECE_WEIGHT)
        pairs = np.flatnonzero(ideograph[:-1] & ideograph[1:])
        add(pairs, 2, 2, WORD_WEIGHT)  # two characters are the usual length of a Chinese word
        text, feature, weight = (np.concatenate(column) for column in zip(*found, strict=True))
        return text, feature, weight


class _Rolling:
    """Polynomial hashes of any stretch in constant time: differences of prefix sums, modulo 2^64."""

    def __init__(self, characters: Hashes) -> None:
        count = len(characters)
        powers = np.full(count, _BASE, np.uint64)
        inverses = np.full(count + 1, _INVERSE, np.uint64)
        if count:
            powers[0] = 1
        inverses[0] = 1
        np.multiply.accumulate(powers, out=powers)
        np.multiply.accumulate(inverses, out=inverses)
        self._prefix = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mix(characters) * powers, dtype=np.uint64)])
        self._inverses = inverses

    def of(self, start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> Hashes:
        hashes: Hashes = (self._prefix[stop] - self._prefix[start]) * self._inverses[start]
        return hashes


def _clean(text: str) -> str:
    """Lower case, letters and digits only, one space between words and around the text."""
    folded = unicodedata.normalize("NFKC", text[:CHARACTERS_A_TEXT]).casefold()
    words = "".join(character if character.isalnum() else " " for character in folded).split()
    return f" {' '.join(words)} " if words else ""


def _is_ideograph(characters: Hashes) -> npt.NDArray[np.bool_]:
    """Characters of scripts that write without spaces: Han, kana, Hangul (which profits from pairs too)."""
    result = np.zeros(len(characters), np.bool_)
    for low, high in ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0x20000, 0x323AF)):
        result |= (characters >= low) & (characters <= high)
    return result


def _none_of(flags: npt.NDArray[np.bool_], start: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.bool_]:
    """Whether flags[s : s + length] are all false, for each s."""
    prefix = np.concatenate([[0], np.cumsum(flags)])
    clear: npt.NDArray[np.bool_] = prefix[start + length] == prefix[start]
    return clear


def _mix(values: Hashes) -> Hashes:
    """Scrambles 64 bits (the finaliser of splitmix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
