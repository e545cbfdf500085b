"""What a text says as terms: words, pairs of words and pieces of words; Chinese by runs of characters.

Spaces cut words where a script has them. Han, kana and Hangul are read in runs of one to three characters, which need
no dictionary and lose little to one (Zhang and LeCun 2017, arXiv:1708.02657, compare both over 14 data sets).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Self

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
    """Terms that occur in the training texts, each weighed by how rare it is (tf-idf, rows of length one).

    scikit-learn chooses the terms. Texts are read here: its checks of every call cost more than a short text does.
    """

    def __init__(self, terms: Sequence[str], rarity: Floats) -> None:
        self.terms = list(terms)  # in the order of the columns
        self.rarity = np.asarray(rarity, np.float32)  # inverse document frequency of each term. [len(self.terms)]
        self._columns = {term: column for column, term in enumerate(self.terms)}

    @classmethod
    def fit(cls, texts: Sequence[str], *, most_terms: int = MOST_TERMS) -> Self:
        """Learn the terms; those of a single text tell nothing about others and are left out, if any others are."""
        for least in (2, 1):
            vectorizer = TfidfVectorizer(analyzer=terms_of, dtype=np.float32, min_df=least, max_features=most_terms)
            try:
                vectorizer.fit(texts)
            except ValueError:  # scikit-learn's word for: no term is left
                continue
            return cls([str(term) for term in vectorizer.get_feature_names_out()], vectorizer.idf_)
        return cls(["\0"], np.ones(1, np.float32))  # texts without a letter: nothing to see, ever

    def read(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """float32 [len(texts), len(self.terms)], rows of length one or empty."""
        known = self._columns.get
        columns: list[int] = []
        counts: list[int] = []
        starts = np.zeros(len(texts) + 1, np.int32)
        for row, text in enumerate(texts):
            found = Counter(column for term in terms_of(text) if (column := known(term)) is not None)
            order = sorted(found)
            columns += order
            counts += [found[column] for column in order]
            starts[row + 1] = len(columns)
        places = np.array(columns, np.int32)
        weights = (np.log(np.array(counts, np.float32)) + 1) * self.rarity[places]
        rows = np.repeat(np.arange(len(texts)), np.diff(starts))
        lengths = np.sqrt(np.bincount(rows, weights.astype(np.float64) ** 2, len(texts)))
        weights = (weights / lengths[rows]).astype(np.float32)
        return sparse.csr_matrix((weights, places, starts), shape=(len(texts), len(self.terms)))

    @classmethod
    def of(cls, terms: Sequence[str], rarity: Floats) -> Self:
        """As it was when `terms` and `rarity` were read from it. ValueError when they do not fit."""
        if len(terms) != len(rarity):
            raise ValueError(f"{len(terms)} terms but {len(rarity)} weights")
        return cls(terms, rarity)
