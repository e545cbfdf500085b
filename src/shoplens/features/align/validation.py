"""How well words find photos of products that were held out: phrases made from attributes, and titles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.features.align.captions import Phrases
from shoplens.features.align.facets import Codes
from shoplens.features.align.networks import Floats

DEPTH = 10
LEAST_ANSWERS = 3  # photos that fulfil a phrase before it is asked
MOST_ANSWERS = 0.3  # share of all photos; phrases that fit more find something anyway
MOST_PHRASES = 250  # a language
MOST_TITLES = 300

Answers = npt.NDArray[np.bool_]  # [queries, photos]


@dataclass(frozen=True, slots=True)
class Questions:
    """Queries of one kind, and which held-out photos answer them."""

    texts: list[str]
    answers: Answers


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over queries."""

    queries: int
    ndcg: float  # at 10, every answer being equally good
    hit: float  # share of queries with an answer among the first ten
    mrr: float  # of the first answer, over the whole ranking

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"queries": self.queries, "ndcg@10": self.ndcg, "hit@10": self.hit, "mrr": self.mrr}


def make_questions(
    phrases: Phrases, codes: Codes, titles: Sequence[str], random: np.random.Generator
) -> dict[str, Questions]:
    """Questions by kind: "en" and "zh" (phrases of one or two facets), "title". A kind that has none is left out."""
    asked: dict[str, tuple[list[str], list[Answers]]] = {language: ([], []) for language in ("en", "zh")}
    combined = _combinations(phrases, codes)
    for place in random.permutation(len(combined)):
        facets, values, answers = combined[int(place)]
        for language, (texts, rows) in asked.items():
            words = [phrases.word(facet, value, language, random) for facet, value in zip(facets, values, strict=True)]
            if all(words) and len(texts) < MOST_PHRASES:
                texts.append(("" if language == "zh" else " ").join(words))
                rows.append(answers)
    questions = {language: Questions(texts, np.stack(rows)) for language, (texts, rows) in asked.items() if texts}
    own = [place for place, title in enumerate(titles) if title]
    if own:
        chosen = random.permutation(len(own))[:MOST_TITLES]
        every = np.asarray(titles, object)
        asking = [titles[own[int(place)]] for place in chosen]
        questions["title"] = Questions(asking, np.stack([every == title for title in asking]))
    return questions


def measure(scores: Floats, answers: Answers) -> Figures:
    """Figures of scores [queries, photos]."""
    order = np.argsort(-scores, axis=1, kind="stable")
    right = np.take_along_axis(answers, order, 1)
    top = right[:, :DEPTH]
    discounts = 1.0 / np.log2(np.arange(2, top.shape[1] + 2))
    ideal = np.cumsum(discounts)[np.minimum(answers.sum(1), top.shape[1]) - 1]
    return Figures(
        len(scores),
        float(((top * discounts).sum(1) / ideal).mean()),
        float(top.any(1).mean()),
        float((1.0 / (right.argmax(1) + 1)).mean()),
    )


def ndcg(scores: Floats, answers: Answers) -> float:
    """`measure(…).ndcg`, without sorting what lies beyond the first ten."""
    return float(ndcg_of_each(scores, answers).mean())


def ndcg_of_each(scores: Floats, answers: Answers) -> npt.NDArray[np.float64]:
    """NDCG at 10 of each query. [queries]"""
    depth = min(DEPTH, scores.shape[1])
    best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
    top = np.take_along_axis(answers, np.take_along_axis(best, order, 1), 1)
    discounts = 1.0 / np.log2(np.arange(2, depth + 2))
    ideal = np.cumsum(discounts)[np.minimum(answers.sum(1), depth) - 1]
    each: npt.NDArray[np.float64] = (top * discounts).sum(1) / ideal
    return each


def measure_all(questions: dict[str, Questions], score: Callable[[Sequence[str]], Floats]) -> dict[str, Figures]:
    """Figures by kind of question."""
    return {kind: measure(score(asked.texts), asked.answers) for kind, asked in questions.items()}


def language_name(text: str) -> str:
    """ "en", "zh" or "other"."""
    return LANGUAGES[language_of(text)]


def _combinations(phrases: Phrases, codes: Codes) -> list[tuple[tuple[int, ...], tuple[int, ...], Answers]]:
    """Values, and pairs of values of two facets (not two category levels), that enough photos have but not too many.

    Each with the places of its facets in the order in which they are said.
    """
    most = max(MOST_ANSWERS * len(codes), LEAST_ANSWERS)
    nouns = [facet.is_noun for facet in phrases.facets]
    places = sorted(range(len(nouns)), key=lambda place: nouns[place])  # what a thing is comes last
    chosen: list[tuple[int, ...]] = [(place,) for place in places]
    chosen += [pair for pair in combinations(places, 2) if not (nouns[pair[0]] and nouns[pair[1]])]
    found: list[tuple[tuple[int, ...], tuple[int, ...], Answers]] = []
    for facets in chosen:
        part = codes[:, list(facets)]
        values, counts = np.unique(part[(part >= 0).all(1)], axis=0, return_counts=True)
        enough = values[(counts >= LEAST_ANSWERS) & (counts <= most)]
        found.extend((facets, tuple(map(int, value)), (part == value).all(1)) for value in enough)
    return found
