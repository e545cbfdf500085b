"""Products in a wrong category, or in none: their titles read like those of another one.

Rocchio's classifier: a title is compared (TF-IDF of words and pairs, cosine) with the mean of each category, its own
mean taken without the title itself. Exact, a sparse product, and it needs no training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from shoplens.apps.attributes.found import SUREST
from shoplens.apps.attributes.schema import Category
from shoplens.models.extraction.tokens import Tokens

LEAST_MEMBERS = 5  # different titles of a category that may be proposed
LEAST_OWN = 3  # and of one that products are taken out of: a smaller one does not tell what belongs to it
LEAST_LIKE = 0.35  # cosine with the other category
LEAST_SHARED = 2  # words of the title that the other category's titles have, too
TIMES = 2.0  # as alike as with its own
#: A title of many words that are its own is little like any category; then it has to be far more like one of them.
LEAST_CLEAR = 0.25  # cosine with the other category
CLEAR_TIMES = 5.0  # as alike as with its own
CLEAR_LEAD = 1.5  # times as alike as with any third
AT_ONCE = 4_000  # titles compared together
SURE = 0.8  # confidence from which a product without a category is proposed one
EDGES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the lead over the second category, for measuring how far to believe it
DOUBT = 4.0  # wrong or right answers that each step begins with, half of each

Floats = npt.NDArray[np.float32]


class Misplaced(NamedTuple):
    """A product that reads like another category."""

    row: int
    category: Category
    like_other: float  # cosine with the category proposed
    like_own: float  # with the one it is in
    confidence: float


class Placed(NamedTuple):
    """A category for a product that has none."""

    row: int
    category: Category
    like: float  # cosine with it
    like_next: float  # with the category that comes second
    confidence: float


def misplaced(titles: Sequence[str], categories: Sequence[Category]) -> list[Misplaced]:
    """Those whose title is far more like another category's. Titles that other categories have word for word are left
    out: they say nothing about where they belong."""
    known = _Titles.of(titles, categories)
    if known is None:
        return []
    found: dict[int, tuple[int, float, float]] = {}  # title → category, how alike, how alike its own
    for part, like, mine in known.alone():
        like[np.arange(len(part)), part[:, 1]] = -1
        best, other, third = _two_best(like, known.sizes)
        clear = (other >= LEAST_CLEAR) & (other >= CLEAR_TIMES * mine) & (other >= CLEAR_LEAD * third)
        strange = ((other >= LEAST_LIKE) & (other >= TIMES * mine)) | clear
        strange &= known.sizes[part[:, 1]] >= LEAST_OWN
        strange &= [not _named(known.different[title], known.names[home]) for title, home in part.tolist()]
        for at in np.flatnonzero(strange).tolist():
            if not known.shares(int(part[at, 0]), int(best[at])):
                continue
            found[int(part[at, 0])] = (int(best[at]), float(other[at]), float(mine[at]))
    return [
        Misplaced(row, known.names[found[title][0]], *found[title][1:], _confidence(*found[title][1:]))
        for row, title in zip(known.rows, known.where.tolist(), strict=True)
        if title in found
    ]


def placed(titles: Sequence[str], categories: Sequence[Category]) -> list[Placed]:
    """A category for products without one, where it is sure.

    How sure: as often as the nearest category was right for titles whose category is known, each compared without
    itself, among those where it led the second by as much.
    """
    rows = [row for row, (title, own) in enumerate(zip(titles, categories, strict=True)) if title and not own]
    known = _Titles.of(titles, categories) if rows else None
    if known is None:
        return []
    right, asked = np.full(len(EDGES), DOUBT / 2), np.full(len(EDGES), DOUBT)
    for part, like, mine in known.alone():
        like[np.arange(len(part)), part[:, 1]] = mine
        best, first, second = _two_best(like, known.sizes)
        step = _step(first, second)[first >= LEAST_LIKE]
        np.add.at(asked, step, 1)
        np.add.at(right, step, (best == part[:, 1])[first >= LEAST_LIKE])
    sure = np.minimum(np.maximum.accumulate(right / asked), SUREST)
    found = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        vectors = csr_array(known.reader.transform([titles[row] for row in some]))
        best, first, second = _two_best((vectors @ known.centres).toarray(), known.sizes)
        confidence = sure[_step(first, second)]
        for at in np.flatnonzero((first >= LEAST_LIKE) & (confidence >= SURE)).tolist():
            name = known.names[int(best[at])]
            found.append(Placed(some[at], name, float(first[at]), float(second[at]), float(confidence[at])))
    return found


@dataclass(frozen=True, slots=True)
class _Titles:
    """Different titles of products with a category, and the mean of each category."""

    rows: list[int]  # of the products
    where: npt.NDArray[np.int64]  # their place among the different titles
    different: list[str]
    names: list[Category]
    reader: TfidfVectorizer
    vectors: csr_array  # [titles, words]
    members: npt.NDArray[np.int64]  # [n, 2] title and category; a title counts once, however many products have it
    sizes: npt.NDArray[np.int64]  # different titles of each category
    centres: csc_array  # [words, categories], unit length
    lengths: Floats  # of the sums that they were made of

    @classmethod
    def of(cls, titles: Sequence[str], categories: Sequence[Category]) -> _Titles | None:
        """None when there is nothing to compare."""
        rows = [row for row, (title, category) in enumerate(zip(titles, categories, strict=True)) if title and category]
        names = sorted({categories[row] for row in rows})
        if len(names) < 2:
            return None
        place = {name: number for number, name in enumerate(names)}
        own = np.array([place[categories[row]] for row in rows])
        different, where = np.unique([titles[row] for row in rows], return_inverse=True)
        counts = Counter(word for title in different for word in set(_words(title)))
        if not any(many > 1 for many in counts.values()):
            return None
        reader = TfidfVectorizer(
            tokenizer=_words, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True, min_df=2,
            dtype=np.float32,
        )  # fmt: skip
        vectors = csr_array(reader.fit_transform(different))
        members = np.unique(np.stack([where, own], 1), axis=0)
        belongs = csr_array(
            (np.ones(len(members), np.float32), (members[:, 1], members[:, 0])), shape=(len(names), len(different))
        )
        sums = csr_array(belongs @ vectors)
        return cls(
            rows=rows,
            where=where,
            different=different.tolist(),
            names=names,
            reader=reader,
            vectors=vectors,
            members=members,
            sizes=np.bincount(members[:, 1], minlength=len(names)),
            centres=normalize(sums).T.tocsc(),
            lengths=np.sqrt(np.asarray(sums.multiply(sums).sum(1)).ravel()),
        )

    def shares(self, title: int, category: int) -> bool:
        """Whether LEAST_SHARED words of a title are said in a category, or all that it has: one alone, of several, may
        mean something else there, as "hard" in hard drives and hard squash."""
        own = set(_words(self.different[title]))
        said = set(self.centres.indices[self.centres.indptr[category] : self.centres.indptr[category + 1]].tolist())
        shared = sum(self.reader.vocabulary_.get(word, -1) in said for word in own)
        return shared >= min(LEAST_SHARED, len(own))

    def alone(self) -> Iterator[tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.float64]]]:
        """Titles of one category only, part by part: [n, 2] title and category, [n, categories] cosine with each, [n]
        cosine with its own category without itself."""
        homes = np.bincount(self.members[:, 0], minlength=len(self.different))
        alone = self.members[np.isin(self.members[:, 0], np.flatnonzero(homes == 1))]
        for start in range(0, len(alone), AT_ONCE):
            part = alone[start : start + AT_ONCE]
            like = (self.vectors[part[:, 0]] @ self.centres).toarray()
            mine = _without_itself(like[np.arange(len(part)), part[:, 1]], self.lengths[part[:, 1]])
            yield part, like, mine


def _two_best(like: Floats, sizes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """The nearest category that may be proposed, how near, and how near the next of all is."""
    here = np.arange(len(like))
    best = np.where(sizes >= LEAST_MEMBERS, like, -1.0).argmax(1)
    first = like[here, best]
    rest = like.copy()
    rest[here, best] = -1.0
    return best, first, rest.max(1)


def _step(first: Floats, second: Floats) -> npt.NDArray[np.int64]:
    """Which of the EDGES the lead is up to."""
    lead = np.clip(1 - np.maximum(second, 0) / np.maximum(first, 1e-6), 0, 1)
    return np.minimum(np.searchsorted(EDGES, lead - 1e-6), len(EDGES) - 1)


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
