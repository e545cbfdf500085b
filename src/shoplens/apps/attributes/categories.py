"""Products in a wrong category: their titles read like those of another one.

Rocchio's classifier: a title is compared (TF-IDF of words and pairs, cosine) with the mean of each category, its own
mean taken without the title itself. Exact, a sparse product, and it needs no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from shoplens.apps.attributes.schema import Category
from shoplens.models.extraction.tokens import Tokens

LEAST_MEMBERS = 5  # different titles of a category that may be proposed
LEAST_OWN = 3  # and of one that products are taken out of: a smaller one does not tell what belongs to it
LEAST_LIKE = 0.35  # cosine with the other category
TIMES = 2.0  # as alike as with its own
AT_ONCE = 4_000  # titles compared together


class Misplaced(NamedTuple):
    """A product that reads like another category."""

    row: int
    category: Category
    like_other: float  # cosine with the category proposed
    like_own: float  # with the one it is in
    confidence: float


def misplaced(titles: Sequence[str], categories: Sequence[Category]) -> list[Misplaced]:
    """Those whose title is far more like another category's. Titles that other categories have word for word are left
    out: they say nothing about where they belong."""
    rows = [row for row, (title, category) in enumerate(zip(titles, categories, strict=True)) if title and category]
    names = sorted({categories[row] for row in rows})
    if len(names) < 2:
        return []
    place = {name: number for number, name in enumerate(names)}
    own = np.array([place[categories[row]] for row in rows])
    different, where = np.unique([titles[row] for row in rows], return_inverse=True)
    if not any(Tokens(title).words for title in different):
        return []
    vectors = csr_array(
        TfidfVectorizer(
            tokenizer=_words, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True, min_df=2,
            dtype=np.float32,
        ).fit_transform(different)
    )  # fmt: skip
    members = np.unique(np.stack([where, own], 1), axis=0)  # a title counts once in a category, however many have it
    sizes = np.bincount(members[:, 1], minlength=len(names))
    belongs = csr_array(
        (np.ones(len(members), np.float32), (members[:, 1], members[:, 0])), shape=(len(names), len(different))
    )
    sums = csr_array(belongs @ vectors)
    centres = normalize(sums).T.tocsc()
    lengths = np.sqrt(np.asarray(sums.multiply(sums).sum(1)).ravel())
    homes = np.bincount(members[:, 0], minlength=len(different))  # categories that have this very title
    alone = members[np.isin(members[:, 0], np.flatnonzero(homes == 1))]
    found: dict[int, tuple[int, float, float]] = {}  # title → category, how alike, how alike its own
    for start in range(0, len(alone), AT_ONCE):
        part = alone[start : start + AT_ONCE]
        like = (vectors[part[:, 0]] @ centres).toarray()
        here = np.arange(len(part))
        mine = _without_itself(like[here, part[:, 1]], lengths[part[:, 1]])
        like[here, part[:, 1]] = -1
        like[:, sizes < LEAST_MEMBERS] = -1
        best = like.argmax(1)
        other = like[here, best]
        strange = (other >= LEAST_LIKE) & (other >= TIMES * mine) & (sizes[part[:, 1]] >= LEAST_OWN)
        strange &= [not _named(different[title], names[home]) for title, home in part.tolist()]
        for at in np.flatnonzero(strange).tolist():
            found[int(part[at, 0])] = (int(best[at]), float(other[at]), float(mine[at]))
    return [
        Misplaced(row, names[found[title][0]], *found[title][1:], _confidence(*found[title][1:]))
        for row, title in zip(rows, where.tolist(), strict=True)
        if title in found
    ]


def _without_itself(like: npt.NDArray[np.float32], length: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Cosine with a sum of unit vectors after taking one's own out of it. `length`: of the sum with it."""
    dot = like.astype(np.float64) * length - 1.0
    rest = np.sqrt(np.maximum(length.astype(np.float64) ** 2 - 2 * like * length + 1.0, 0.0))
    return np.where(rest > 1e-6, dot / np.maximum(rest, 1e-6), 0.0)


def _confidence(other: float, own: float) -> float:
    """Half at the border of what is proposed, 1 when nothing speaks for where it is."""
    return float(np.clip(1 - max(own, 0.0) / other, 0.0, 1.0)) * min(1.0, 0.5 + other)


def _named(title: str, category: Category) -> bool:
    """Whether the title says the name of its category."""
    return set(_words(category[-1])) <= set(_words(title))


def _words(text: str) -> list[str]:
    return Tokens(text).words
