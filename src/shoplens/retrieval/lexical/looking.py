"""The best products for a plan: as deep as it takes to be sure of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shoplens.retrieval.base import Mask
from shoplens.retrieval.lexical.document import Floats
from shoplens.retrieval.lexical.known import KnownProducts, Places
from shoplens.retrieval.lexical.plan import Plan
from shoplens.retrieval.lexical.view import View

MOST_HITS = 200  # asked for at first where a filter applies
MORE_HITS = range(2, 33)  # times as many, when too few of them pass
Keeps = Callable[[KnownProducts, Places], Mask]
#: Matches beyond the last one asked for, which coverage may raise; the second where that was too few.
DEEPER = (40, 200)
LISTED = 400  # products that are kept of what common words find alone
ROUNDING = 1e-5  # of scores that are computed in two places: many products have the same
KEPT = 200  # sets of such words
COVERED = 2  # power of coverage: of 0 to 4, ndcg@10 on bench search --task text-title levels off there (.822 → .832)


class Among:
    """The matches that a filter keeps: how many, which share of all matches, and their ids, which are worked out when
    they are first needed."""

    def __init__(self, count: int, share: float, ids: Callable[[], Sequence[str]]) -> None:
        self.count = count
        self.share = share
        self.ids = functools.cache(ids)


@dataclass(frozen=True, slots=True, eq=False)
class FoundPlaces:
    """`Matches` as places in a table of products, best first."""

    known: KnownProducts
    places: Places  # [m]
    scores: Floats  # [m]
    coverage: Floats  # [m]
    total: int
    exact: bool

    def with_more(self, more: FoundPlaces) -> FoundPlaces:
        """What another search of the same words found, too."""
        fresh = ~np.isin(more.places, self.places)
        return replace(
            self,
            places=np.concatenate([self.places, more.places[fresh]]),
            scores=np.concatenate([self.scores, more.scores[fresh]]),
            coverage=np.concatenate([self.coverage, more.coverage[fresh]]),
        )


_Hits = tuple[Floats, Places, int, bool]  # scores and products, best first; how many there are in all, if that is exact


@dataclass(frozen=True, slots=True)
class Look:
    """One plan, looked for in one state of the index. `keeps`, `among`, `only`, `any_word`: see `LexicalIndex`."""

    view: View
    known: KnownProducts
    plan: Plan
    keeps: Keeps | None
    among: Among | None
    only: Sequence[str] | None
    any_word: bool

    def best(self, k: int) -> FoundPlaces:
        """The k best. Words that half of the catalogue has are left out of the search where that changes nothing."""
        if self.any_word and self.only is None and k <= DEEPER[1]:
            common, beyond, share = self.view.common(self.plan)
            if common:
                found = self._best(k, common)
                if len(found.scores) < k or found.scores[-1] < beyond:
                    alone, unseen = self._alone(k + DEEPER[0], common)
                    found = self._ordered(k, found.with_more(alone))
                    beyond = unseen * share**COVERED * (1 - ROUNDING)
                if len(found.scores) == k and found.scores[-1] >= beyond:
                    return replace(found, total=max(found.total, self.view.about(self.plan)), exact=False)
        return self._best(k)

    def _alone(self, k: int, common: frozenset[int]) -> tuple[FoundPlaces, float]:
        """The k best by the common words alone, coverage in their scores, and the most that others score before it.

        Queries share their common words, so what these find is kept with the state of the index.
        """
        groups = tuple(self.plan.groups[place] for place in sorted(common))
        plan = Plan(groups, excluded=self.plan.excluded)
        kept = self.view.alone.get(plan)
        if kept is None or kept[2] is not self.known:
            hits = self.view.searcher.search(self.view.ask(plan), limit=LISTED, count=False).hits
            listed = np.array([score for score, _ in hits], np.float32)
            if len(self.view.alone) >= KEPT:
                self.view.alone.clear()
            kept = listed, self.known.places(self.view.searcher, [address for _, address in hits]), self.known
            self.view.alone[plan] = kept
        scores, places, _ = kept
        unseen = float(scores[k - 1]) if len(scores) >= k else 0.0
        scores, places = scores[:k], places[:k]
        if self.keeps is not None and len(places):
            passing = self.keeps(self.known, places)
            scores, places = scores[passing], places[passing]
        coverage = self._coverage(places)
        return FoundPlaces(self.known, places, scores * coverage**COVERED, coverage, len(places), exact=False), unseen

    def _best(self, k: int, common: frozenset[int] = frozenset()) -> FoundPlaces:
        """The k best; `common`: see `View.ask`.

        Tantivy finds by score, and coverage may raise what lies deeper. So one looks a little deeper than asked, then
        at products that have all words, then deeper among those that could still come before the last one.
        """
        whole, partial = _whole(self.plan)
        if len(self.plan.groups) < 2:
            return self._settled(k, self._found(k, 0.0, common))
        found = self._found(k + DEEPER[0], 0.0, common)
        settled = self._settled(k, found)
        # The most that a product scores which is not found yet.
        unseen = float(found.scores[-1]) if len(found.places) == k + DEEPER[0] else 0.0
        if k > DEEPER[1] or not len(settled.scores) or settled.scores[-1] >= unseen:
            return settled
        if whole > 0:
            found = found.with_more(self._found(k, whole, common))
            settled = self._settled(k, found)
            if settled.scores[-1] >= unseen * partial**COVERED:
                return settled
        # To come before the last one, a product that scores no more than the best has at least so much coverage.
        least = float(settled.scores[-1] / found.scores.max()) ** (1 / COVERED)
        return self._settled(k, found.with_more(self._found(k + DEEPER[1], least, common)))

    def _found(self, k: int, least: float, common: frozenset[int]) -> FoundPlaces:
        """What tantivy finds, without coverage in the scores."""
        scores, places, total, exact = self._kept(k, least, common) or self._hits(k, least, common, self.only)
        return FoundPlaces(self.known, places, scores, self._coverage(places), total, exact)

    def _coverage(self, places: Places) -> Floats:
        contents = self.known.contents
        return self.view.coverage(self.plan, [contents[place] for place in places.tolist()])

    def _kept(self, k: int, least: float, common: frozenset[int]) -> _Hits | None:
        """The k best that pass the filter; looks deeper until there are enough, or searches what the filter keeps where
        that is less work. None without a filter."""
        if self.keeps is None:
            return None
        limit = max(MOST_HITS, k + k // 4)
        if self.among is not None and self.among.share > 0:  # as if the filter were indifferent to what is asked
            limit = max(limit, math.ceil(limit / self.among.share))
        while self.among is None or limit <= self.among.count:
            scores, places, total, _ = self._hits(limit, least, common, None)
            passing = np.flatnonzero(self.keeps(self.known, places)) if len(places) else np.zeros(0, np.int64)
            exhausted = total <= limit
            if len(passing) >= k or exhausted:
                best = passing[:k]
                return scores[best], places[best], len(passing), exhausted
            # About so many more, with some to spare, by how few passed so far.
            limit *= min(max(1 + (3 * k) // (2 * len(passing) + 1), MORE_HITS[0]), MORE_HITS[-1])
        return self._hits(k, least, common, self.among.ids())

    def _hits(self, k: int, least: float, common: frozenset[int], only: Sequence[str] | None) -> _Hits:
        """Scores and products, best first; how many there are in all."""
        asked = self.view.ask(self.plan, only=only, any_word=self.any_word, least=least, common=common)
        result = self.view.searcher.search(asked, limit=k)
        hits, total = result.hits, int(result.count)  # type: ignore[attr-defined]  # missing from its stubs
        if not hits:
            return np.zeros(0, np.float32), np.zeros(0, np.int64), total, True
        scores, addresses = zip(*hits, strict=True)
        return np.array(scores, np.float32), self.known.places(self.view.searcher, addresses), total, True

    def _settled(self, k: int, found: FoundPlaces) -> FoundPlaces:
        """The k best, coverage in their scores."""
        return self._ordered(k, replace(found, scores=found.scores * found.coverage**COVERED))

    def _ordered(self, k: int, found: FoundPlaces) -> FoundPlaces:
        order = np.argsort(-found.scores, kind="stable")[:k]
        return replace(found, places=found.places[order], scores=found.scores[order], coverage=found.coverage[order])


def _whole(plan: Plan) -> tuple[float, float]:
    """Coverage of a product that has all words that any product has, and the most that one with fewer has; 0 and 1
    where other words stand for those of the query."""
    said = [group.idf * group.weight for group in plan.groups]
    held = [one for one, group in zip(said, plan.groups, strict=True) if group.variants]
    if any(group.extra for group in plan.groups) or not held:
        return 0.0, 1.0
    return sum(held) / sum(said), (sum(held) - min(held)) / sum(said)


def nothing(known: KnownProducts) -> FoundPlaces:
    """No product."""
    empty = np.zeros(0, np.float32)
    return FoundPlaces(known, np.zeros(0, np.int64), empty, empty, 0, exact=True)
