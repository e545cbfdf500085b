"""What a text says as terms: words, pairs of words and pieces of words; Chinese by runs of characters.

Spaces cut words where a script has them. Han, kana and Hangul are read in runs of one to three characters, which need
no dictionary and lose little to one (Zhang and LeCun 2017, arXiv:1708.02657, compare both over 14 data sets).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from shoplens.models.classifier.base import CHARACTERS_A_TEXT, Floats

PIECES = (2, 5)  # characters of a piece of a word, its edges included
RUN = 3  # longest run of ideographs
MOST_TERMS = 400_000  # the most frequent ones
MOST_WEIGHTS = 12_000_000  # of all classes together, which are fewer terms where there are many classes

_TOKEN = re.compile(
    r"(?P<run>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U000323af]+)"
    r"|(?P<word>[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U000323af]+)"
    r"|(?P<mark>[!?%$€£¥+\-])"
)


def terms_of(text: str) -> list[str]:
    """All terms of a text, repeated as often as they occur.

    Words are marked by a leading space and pieces are not, so that a word and its equal piece are two terms.
    """
    folded = unicodedata.normalize("NFKC", text[:CHARACTERS_A_TEXT]).casefold()
    found: list[str] = []
    before = ""
    for token in _TOKEN.finditer(folded):
        word = token.group()
        if token.lastgroup == "run":
            found += _runs(word)
            before = ""
            continue
        found.append(f" {word}")
        if before:
            found.append(f" {before} {word}")
        before = word
        if token.lastgroup == "word":
            found += _pieces(f"<{word}>")
    return found


def _runs(characters: str) -> list[str]:
    return [characters[at : at + size] for size in range(1, RUN + 1) for at in range(len(characters) - size + 1)]


def _pieces(word: str) -> list[str]:
    least, most = PIECES
    return [word[at : at + size] for size in range(least, most + 1) for at in range(len(word) - size + 1)]


class TermSpace:
    """Terms that occur in the training texts, each weighed by how rare it is (tf-idf, rows of length one)."""

    def __init__(self, vectorizer: TfidfVectorizer) -> None:
        self._vectorizer = vectorizer

    @classmethod
    def fit(cls, texts: Sequence[str], *, most_terms: int = MOST_TERMS) -> Self:
        """Learn the terms; those of a single text tell nothing about others and are left out, if any others are."""
        for least in (2, 1):
            vectorizer = _vectorizer(min_df=least, max_features=most_terms)
            try:
                return cls(vectorizer.fit(texts))
            except ValueError:  # scikit-learn's word for: no term is left
                continue
        return cls(_vectorizer(vocabulary=["\0"]).fit([""]))  # texts without a letter: nothing to see, ever

    def read(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """float32 [len(texts), len(self.terms)], rows of length one or empty."""
        return self._vectorizer.transform(texts).astype(np.float32)

    @property
    def terms(self) -> list[str]:
        """In the order of the columns."""
        return [str(term) for term in self._vectorizer.get_feature_names_out()]

    @property
    def rarity(self) -> Floats:
        """Inverse document frequency of each term. [len(self.terms)]"""
        return np.asarray(self._vectorizer.idf_, np.float32)

    @classmethod
    def of(cls, terms: Sequence[str], rarity: Floats) -> Self:
        """As it was when `terms` and `rarity` were read from it. ValueError when they do not fit."""
        if len(terms) != len(rarity):
            raise ValueError(f"{len(terms)} terms but {len(rarity)} weights")
        vectorizer = _vectorizer(vocabulary=list(terms))
        vectorizer.idf_ = np.asarray(rarity, np.float64)
        return cls(vectorizer)


def _vectorizer(**settings: Any) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=terms_of, sublinear_tf=True, dtype=np.float32, **settings)
