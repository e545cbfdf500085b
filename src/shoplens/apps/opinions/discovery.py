"""Topics that nobody named, found in the vectors of posts and named by the words that mark them.

Spherical k-means (Dhillon and Modha 2001) on the principal axes of the vectors. The number of topics is the smallest
whose mean silhouette (Rousseeuw 1987, by cosine) is within 2 % of the best of all numbers tried: fewer topics are
easier to follow. The order in which posts come changes nothing. Topics found again keep their names: new middles are
matched with those of last time (Hungarian method), where they are `SAME` enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from shoplens.apps.opinions.changes import changed_words
from shoplens.encoders.centring import LANGUAGES, languages_of
from shoplens.errors import InputError

AXES = 48
NUMBERS = (2, 3, 4, 6, 8, 10, 12, 16, 20, 25, 30, 40, 50, 60, 80, 100)  # of topics that are tried
FEWEST = 40  # posts below which nothing is looked for
A_TOPIC = 8  # posts that a topic has on average, at least, and half of that one at a time
WITHIN = 0.98  # share of the best silhouette that will do
JUDGED = 2_000  # posts that silhouettes are computed on: their cost grows with the square
SAME = 0.8  # cosine of two middles from which on they are one topic
NAMED, MARKED = 3, 8  # words of a name, and words that are told of a topic
TYPICAL = 5  # posts that show a topic
_FILLER_WORDS = """
i'm i've i'd don't doesn't didn't can't cannot couldn't won't isn't wasn't haven't hasn't hadn't that's dont
know want need please help like see tell understand think try tried trying able way make made let thing something
anything someone why again still ever even much really yes thanks thank hello today yesterday use using used
going went come came take took give gave put now new ago since yet
请问 谢谢 你好 您好 今天 昨天 现在 知道 想要 需要 可以 不能 不会 不是 还有 一下 一点 有点 觉得 真是 而且 只是
如果 然后 东西 时候
"""
_FILLERS = frozenset(_FILLER_WORDS.split())  # what nothing is about

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FoundTopic:
    """A topic that was found."""

    name: str
    words: dict[str, tuple[str, ...]]  # language → words that mark it, the clearest first
    posts: int
    middle: Floats  # [size], unit length
    typical: tuple[int, ...]  # rows of the posts nearest to the middle


@dataclass(frozen=True, slots=True, eq=False)
class Discovery:
    """Topics, those with most posts first, and how well they are told apart."""

    topics: tuple[FoundTopic, ...]
    of: npt.NDArray[np.int64]  # [n_posts]: place in `topics`, -1 for none
    silhouette: float  # mean, -1 to 1


def discover(
    texts: Sequence[str],
    vectors: Floats,
    *,
    before: Sequence[tuple[str, Floats]] = (),
    most: int = 60,
    seed: int = 0,
) -> Discovery:
    """Topics of posts. `vectors` [n, size]: unit length, without the language's mean; `before`: name and middle of the
    topics of last time; `most`: topics. InputError for fewer than `FEWEST` posts."""
    if len(texts) < FEWEST:
        raise InputError(f"{len(texts)} posts are too few to find topics in; {FEWEST} are needed, thousands are good")
    order = np.array(sorted(range(len(texts)), key=lambda row: (texts[row], vectors[row].tobytes())))
    different = len(np.unique(vectors.round(4), axis=0))
    cluster, silhouette = _clustered(_placed(vectors[order], seed), min(most, different - 1), seed)
    of = np.empty(len(texts), np.int64)
    of[order] = cluster
    sizes = np.bincount(of)
    kept = [one for one in np.argsort(-sizes, kind="stable").tolist() if sizes[one] >= A_TOPIC // 2]
    middles = np.stack([_middle(vectors[of == one]) for one in kept])
    marks = [_marks(texts, of == one) for one in kept]
    names = _names(marks, _persisting(middles, before))
    topics = []
    for name, words, one, middle in zip(names, marks, kept, middles, strict=True):
        rows = np.flatnonzero(of == one)
        near = rows[np.lexsort((rows, -(vectors[rows] @ middle)))][:TYPICAL]
        topics.append(FoundTopic(name, words, len(rows), middle, tuple(near.tolist())))
    place = np.full(len(sizes), -1, np.int64)
    place[kept] = np.arange(len(kept))
    return Discovery(tuple(topics), place[of], silhouette)


def _placed(vectors: Floats, seed: int) -> Floats:
    """On the principal axes, unit length."""
    from sklearn.decomposition import PCA  # here and below: a second at the start of every server

    axes = min(AXES, len(vectors) - 1, vectors.shape[1])
    placed: Floats = PCA(axes, random_state=seed).fit_transform(vectors).astype(np.float32)
    placed /= np.linalg.norm(placed, axis=1, keepdims=True).clip(1e-6)
    return placed


def _clustered(placed: Floats, most: int, seed: int) -> tuple[npt.NDArray[np.int64], float]:
    """The cluster of each post, and the silhouette."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    numbers = [one for one in NUMBERS if one <= min(most, len(placed) // A_TOPIC)]
    if not numbers:
        return np.zeros(len(placed), np.int64), 0.0  # everybody says the same
    judged = np.random.default_rng(seed).permutation(len(placed))[:JUDGED]
    tried = []
    for number in numbers:
        found = KMeans(number, n_init=3, random_state=seed).fit_predict(placed)
        enough = len(np.unique(found[judged])) > 1
        score = float(silhouette_score(placed[judged], found[judged], metric="cosine")) if enough else -1.0
        tried.append((score, found))
    best = max(score for score, _ in tried)
    score, found = next(one for one in tried if one[0] >= best - (1 - WITHIN) * abs(best))
    return found.astype(np.int64), score


def _middle(vectors: Floats) -> Floats:
    mean: Floats = vectors.mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-6)
    return mean


def _marks(texts: Sequence[str], inside: npt.NDArray[np.bool_]) -> dict[str, tuple[str, ...]]:
    """Language → words that stand in more posts of a topic than in others, of each language that a tenth of it has."""
    languages = languages_of(texts)
    marks = {}
    for language, count in Counter(languages[inside].tolist()).most_common():
        if count < max(2, 0.1 * inside.sum()):
            continue
        own = [texts[row] for row in np.flatnonzero(inside & (languages == language)).tolist()]
        others = [texts[row] for row in np.flatnonzero(~inside & (languages == language)).tolist()]
        marks[LANGUAGES[language]] = tuple(_different(changed_words(own, others, most=4 * MARKED)))[:MARKED]
    return marks


def _different(words: Sequence[str]) -> list[str]:
    """Without fillers, and other forms of a word that was told already."""
    kept: list[str] = []
    for word in words:
        stem = word[: max(len(word) - 3, 3)] if word.isascii() else word
        if word not in _FILLERS and not any(one.startswith(stem) or word.startswith(one) for one in kept):
            kept.append(word)
    return kept


def _persisting(middles: Floats, before: Sequence[tuple[str, Floats]]) -> dict[int, str]:
    """Place of a topic → the name that it had."""
    if not before:
        return {}
    alike = middles @ np.stack([middle for _, middle in before]).T
    pairs = zip(*linear_sum_assignment(-alike), strict=True)
    return {int(new): before[old][0] for new, old in pairs if alike[new, old] >= SAME}


def _names(marks: Sequence[dict[str, tuple[str, ...]]], known: dict[int, str]) -> list[str]:
    """A name for each topic, all different: of its words in the language that most of it is in, or the name it had."""
    taken = set(known.values())
    names = []
    for place, words in enumerate(marks):
        if place in known:
            names.append(known[place])
            continue
        first = next((some for some in words.values() if some), ())
        name = "_".join(first[:NAMED]) or "topic"
        number = 1
        while name in taken:
            number += 1
            name = f"{'_'.join(first[:NAMED]) or 'topic'}_{number}"
        taken.add(name)
        names.append(name)
    return names
