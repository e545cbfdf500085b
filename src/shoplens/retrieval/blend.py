"""How much words, meaning and looks count: weights by language, learnt from judgements and kept only when better.

Plain fusions can lose to words alone; that is why every weight here was compared with words alone on queries that it
was not chosen on, and why what is not better there is not used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, float]  # signal → how much it counts

WORDS = "words"  # the signal of the words themselves
DEPTH = 10  # places that are judged
STEPS = 5  # of a weight, from 0 to 1, in the coarse search
FOLDS = 5
LEAST_QUERIES = 30  # of one language, before it gets weights of its own

#: What a shop starts with. On fashion titles (`bench search --task text-title`) it reaches NDCG@10 .887 in English and
#: .897 in Chinese, .838 and .819 where no attributes were learnt; words alone .815 and .781. Searches for one product
#: by three or four words of its title: .957, by words alone .944.
DEFAULT: Weights = MappingProxyType(
    {
        WORDS: 0.4,
        "meaning": 0.3,
        "attributes": 0.4,
        "looks": 0.3,
        "image": 1.0,
        "recognised": 1.0,
        "audio": 1.0,
        "video": 1.0,
    }
)


@dataclass(frozen=True, slots=True)
class Blend:
    """Weights by language ("en", "zh", "other"); "" holds for the languages that are not named.

    A signal that the weights do not name counts as in DEFAULT.
    """

    languages: Mapping[str, Weights] = field(default_factory=dict)

    def weights(self, language: str) -> dict[str, float]:
        """Weights of all signals for queries in that language."""
        return {**DEFAULT, **self.languages.get(language, self.languages.get("", {}))}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {language: dict(weights) for language, weights in self.languages.items()}

    @classmethod
    def from_dict(cls, told: Mapping[str, Mapping[str, float]]) -> Self:
        """What `as_dict` gave."""
        return cls({str(language): dict(weights) for language, weights in told.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One query: what each signal says of m products (see `HybridIndex.parts`), and how good an answer each is."""

    language: str
    parts: Mapping[str, Floats]  # signal → [m]; NaN = it knows nothing
    gains: Floats  # [m], 0 = no answer


@dataclass(frozen=True, slots=True)
class BlendReport:
    """NDCG at 10 on queries that the weights were not chosen on, and whether they were taken."""

    queries: int
    words: float
    blend: float
    taken: bool

    def as_dict(self) -> dict[str, float | int | bool]:
        """For JSON."""
        return asdict(self)


def fit_blend(judged: Sequence[Judged], *, seed: int = 0) -> tuple[Blend, dict[str, BlendReport]]:
    """Weights that rank judged products best, by language; "" is for languages with few queries.

    A coarse grid, then steps of half its width around the best. Cross-validated in FOLDS; words alone stay unless the
    chosen weights are better than them on the queries left out, by more than the standard error of the difference.
    """
    answerable = [one for one in judged if (one.gains > 0).any()]
    groups = {"": answerable} if answerable else {}
    for language in sorted({one.language for one in answerable}):
        own = [one for one in answerable if one.language == language]
        if len(own) >= LEAST_QUERIES:
            groups[language] = own
    weights: dict[str, Weights] = {}
    reports: dict[str, BlendReport] = {}
    for language, queries in groups.items():
        weights[language], reports[language] = _fit(queries, np.random.default_rng(seed))
    return Blend(weights), reports


def weigh(parts: Mapping[str, Floats], weights: Weights, count: int) -> Floats:
    """Parts [count] added up and brought back to about 0 to 1; what a signal does not know counts as usual (0)."""
    total = np.zeros(count, np.float32)
    for name, part in parts.items():
        total += np.float32(weights[name]) * np.nan_to_num(part, nan=0.0)
    total /= np.float32(max(sum(abs(weights[name]) for name in parts), 1e-6))
    return total


def graded_ndcg(scores: Floats, gains: Floats) -> float:
    """NDCG at 10 of one query: gain / log2(1 + place), against the best order of the same products."""
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    discounts = 1.0 / np.log2(np.arange(2, len(order) + 2))
    ideal = -np.sort(-gains)[: len(order)]
    return float((gains[order] * discounts).sum() / max(float((ideal * discounts).sum()), 1e-12))


def _fit(queries: Sequence[Judged], random: np.random.Generator) -> tuple[Weights, BlendReport]:
    table = _Table(queries)
    alone = {name: float(name == WORDS) for name in table.signals}
    base = table.each(alone)
    fold = random.permutation(len(queries)) % FOLDS
    held = np.zeros(len(queries))
    for one in range(min(FOLDS, len(queries))):
        inside = fold != one if len(queries) > 1 else np.ones(1, bool)
        held[~inside] = table.each(table.best(inside))[~inside]
    gain = held - base
    error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.inf
    taken = WORDS not in table.signals or bool(gain.mean() > error)
    chosen = table.best(np.ones(len(queries), bool)) if taken else alone
    return chosen, BlendReport(len(queries), float(base.mean()), float(held.mean()), taken)


class _Table:
    """Queries of one language; remembers the figures of weights that were tried."""

    def __init__(self, queries: Sequence[Judged]) -> None:
        self.queries = queries
        self.signals = sorted({name for one in queries for name in one.parts})
        self._known: dict[tuple[float, ...], npt.NDArray[np.float64]] = {}

    def each(self, weights: Weights) -> npt.NDArray[np.float64]:
        """NDCG of each query. [queries]"""
        key = tuple(round(weights[name], 6) for name in self.signals)
        if key not in self._known:
            figures = [graded_ndcg(weigh(one.parts, weights, len(one.gains)), one.gains) for one in self.queries]
            self._known[key] = np.array(figures)
        return self._known[key]

    def best(self, inside: npt.NDArray[np.bool_]) -> Weights:
        """Weights, adding up to 1, that are best for some of the queries; of equals those nearest to words alone."""
        steps = STEPS if len(self.signals) <= 3 else 4
        grid = [
            dict(zip(self.signals, (part / steps for part in parts), strict=True))
            for parts in product(range(steps + 1), repeat=len(self.signals))
            if sum(parts) == steps
        ]
        grid.sort(key=lambda weights: -weights.get(WORDS, 0.0))
        value, found = max(
            ((float(self.each(weights)[inside].mean()), weights) for weights in grid), key=lambda pair: pair[0]
        )
        step = 0.5 / steps
        for giver, taker in product(self.signals, repeat=2):
            if giver != taker and found[giver] >= step:
                moved = {**found, giver: found[giver] - step, taker: found[taker] + step}
                tried = float(self.each(moved)[inside].mean())
                if tried > value:
                    value, found = tried, moved
        return found
