"""Takes the language out of text vectors, so that a Chinese question finds an English product.

Multilingual encoders put each language a constant shift apart. Subtracting a language's mean vector and restoring unit
length removes most of it (the mean is also what makes all cosines of one encoder crowd together near .8).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Vectors
from shoplens.errors import InputError
from shoplens.files import replaced

#: Order is the code: they are stored with the vectors.
LANGUAGES = ("en", "zh", "other")

#: Texts a mean needs before it counts as much as the mean of all: a mean of a handful would erase their content.
SHRINKAGE = 16.0

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]")
_OTHER = re.compile(  # scripts neither Latin nor Han: from Greek on, without CJK punctuation and full-width forms
    r"[\u0370-\u1dff\u1f00-\u1fff\u2c00-\u2dff\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff"
    r"\ua000-\ua71f\ua800-\uab2f\uac00-\ud7ff\ufb1d-\ufdff\ufe70-\ufefe]"
)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")


def language_of(text: str) -> int:
    """Position in LANGUAGES, by script: Latin counts as "en", Han without kana as "zh", anything else as "other".

    One Han character says about as much as three Latin letters, and Chinese titles often name a Latin brand.
    """
    if text.isascii():
        return 0
    han, other, latin = (len(pattern.findall(text)) for pattern in (_HAN, _OTHER, _LATIN))
    if 3 * other >= max(latin, 3 * han, 1):
        return 2
    if re.search(r"[\u3040-\u30ff]", text) and han:
        return 2  # Japanese mixes kana into Han
    return 1 if han and 3 * han >= latin else 0


def languages_of(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """`language_of` for many. uint8 [len(texts)]."""
    return np.fromiter(map(language_of, texts), np.uint8, len(texts))


@dataclass(frozen=True, slots=True)
class LanguageMeans:
    """Mean vectors of a catalogue's texts."""

    means: Vectors  # [len(LANGUAGES), size]; a language the catalogue lacks has the mean of all

    @classmethod
    def estimate(cls, vectors: Vectors, languages: npt.NDArray[np.uint8]) -> Self:
        """Means of unit vectors [n, size] by their language [n]."""
        sums, counts = language_sums(vectors, languages)
        return cls.from_sums(sums, counts)

    @classmethod
    def from_sums(cls, sums: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Self:
        """Means from sums [languages, size] and counts [languages], drawn towards the mean of all where texts are few.

        For catalogues larger than memory: add up `language_sums` of their parts.
        """
        overall = sums.sum(axis=0) / max(int(counts.sum()), 1)
        return cls(((sums + SHRINKAGE * overall) / (counts[:, None] + SHRINKAGE)).astype(np.float32))

    def centre(self, vectors: Vectors, languages: npt.NDArray[np.uint8]) -> Vectors:
        """Vectors less the mean of their language, of unit length again. float32 [n, size]; also for queries."""
        centred = vectors - self.means[languages]
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        blank = length[:, 0] < 1e-6  # nothing but its language: the raw vector says more than noise would
        centred[blank] = vectors[blank]
        length[blank] = 1.0
        result: Vectors = (centred / length).astype(np.float32, copy=False)
        return result

    def centre_texts(self, vectors: Vectors, texts: Sequence[str]) -> Vectors:
        """`centre` with the languages read off the texts."""
        return self.centre(vectors, languages_of(texts))

    def save(self, file: Path) -> None:
        """Write as .npy, atomically."""
        with replaced(file) as stream:
            np.save(stream, self.means, allow_pickle=False)

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """What `save` wrote, or None when there is none yet (then vectors stay as they are)."""
        if not file.exists():
            return None
        try:
            means = np.load(file, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise InputError(f"{file} is damaged; delete it and run `shoplens embed` again") from error
        return cls(means)


def language_sums(
    vectors: Vectors, languages: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Sums [languages, size] and counts [languages] of vectors by language."""
    sums = np.stack([vectors[languages == code].sum(axis=0, dtype=np.float64) for code in range(len(LANGUAGES))])
    return sums, np.bincount(languages, minlength=len(LANGUAGES)).astype(np.int64)
