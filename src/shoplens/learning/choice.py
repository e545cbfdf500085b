"""The choice of the blend on validation, and its honest figures: every person is judged by what others chose.

Three choices, one after the other: the weights (`learning.weights`), how far products without sales are raised
(`learning.newcomers`), and whether trees put the best candidates in order (`learning.ranking`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Interactions
from shoplens.learning.evaluate import Evaluation, evaluate, summarise
from shoplens.learning.holdout import Holdout
from shoplens.learning.newcomers import choose_offset
from shoplens.learning.ranking import grow_trees, quality
from shoplens.learning.weights import MAX_PEOPLE, Pool, choose_weights, gather_pool
from shoplens.models.base import Recommender
from shoplens.models.blend import Blend, Mask, unsold_products
from shoplens.models.ranker import ItemFacts, RankedBlend, RankerMissingError

BLEND = "blend"

Rows = npt.NDArray[Any]  # positions of people, or a mask over them
Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much


@dataclass(frozen=True, slots=True)
class Chosen:
    """The blend, what it is made of, and its cross-fitted figures on validation."""

    blend: Blend
    weights: Mapping[str, float]
    offset: float
    trees: str | None
    figures: Evaluation


@dataclass(frozen=True, slots=True)
class Shop:
    """What stays the same whoever the blend is chosen on: fitted models, and what is known of the products."""

    models: Mapping[str, Recommender]
    unsold: Mask
    facts: ItemFacts
    seed: int
    depth: int  # the K that matters
    newcomers: float | None

    @classmethod
    def of(
        cls,
        models: Mapping[str, Recommender],
        interactions: Interactions,
        *,
        seed: int,
        depth: int = 20,
        newcomers: float | None = None,
    ) -> Shop:
        """`interactions`: what the models were fitted on."""
        return cls(models, unsold_products(interactions), ItemFacts.of(interactions), seed, depth, newcomers)

    def choose(self, pool: Pool) -> tuple[dict[str, float], float]:
        """Weights, and the offset of products without sales."""
        weights = choose_weights(pool, self.depth, seed=self.seed)
        return weights, choose_offset(pool, weights, self.depth, share=self.newcomers)

    def blend(self, weights: Mapping[str, float], offset: float, trees: str | None = None) -> Blend:
        """The blend of those models that weigh anything; with `trees`, which ask them all, of all."""
        if trees is None:
            return blend_of(self.models, weights, offset=offset, unsold=self.unsold)
        return RankedBlend(self.whole(weights, offset), self.facts, trees)

    def whole(self, weights: Mapping[str, float], offset: float) -> Blend:
        """The blend of all models, also those that weigh nothing."""
        return Blend(self.models, weights, offset=offset, unsold=self.unsold)


def blend_of(
    models: Mapping[str, Recommender],
    weights: Mapping[str, float],
    *,
    offset: float | None = None,
    unsold: Mask | None = None,
) -> Blend:
    """The blend of those models that weigh anything."""
    used = {name: weight for name, weight in weights.items() if weight > 0}
    return Blend({name: models[name] for name in used}, used, offset=offset, unsold=unsold)


def choose_blend(shop: Shop, valid: Holdout, ks: Sequence[int], *, ranker: str = "auto", report: Progress) -> Chosen:
    """Choose on all of `valid`; `ranker`: "auto", "on" or "off". Without lightgbm the weights alone decide, and
    `report` is told."""
    sample = _sample(valid, shop.seed)
    pool = gather_pool(shop.models, valid.take(sample), unsold=shop.unsold, progress=_stage(report, "choose the blend"))
    weights, offset = shop.choose(pool)
    figures = _cross_fitted(shop, valid, pool, sample, ks, progress=_stage(report, "validate blend"))
    trees = None
    if ranker != "off" and len(valid):
        try:
            trees = grow_trees(
                shop.whole(weights, offset), shop.facts, valid.take(sample), seed=shop.seed,
                progress=_stage(report, "learn to rank"),
            )  # fmt: skip
        except RankerMissingError as error:
            report(f"no ranker: {error}", 1, 1)
    if trees is not None:
        better, ranked = _judge_trees(shop, valid, pool, sample, figures, progress=_stage(report, "validate ranker"))
        if ranker == "on" or better:
            figures = ranked
        else:
            trees = None
    return Chosen(shop.blend(weights, offset, trees), weights, offset, trees, figures)


def _cross_fitted(
    shop: Shop,
    valid: Holdout,
    pool: Pool,
    sample: Rows,
    ks: Sequence[int],
    *,
    progress: Callable[[int, int], None],
) -> Evaluation:
    """The blend judged on each half of the people with weights from the other half."""
    top = np.full((len(valid), min(max(ks), valid.n_items)), -1, np.int32)
    mrr = np.zeros(len(valid))
    seconds, done = 0.0, 0
    for half in _halves(len(valid), [shop.seed, 1]):
        people = np.flatnonzero(half)
        if not len(people):
            continue
        others = np.flatnonzero(~half[sample])
        weights, offset = shop.choose(pool.take(others))
        part = evaluate(shop.blend(weights, offset), valid.take(people), ks, resamples=1)
        top[people], mrr[people] = part.top, part.per_person["mrr"]
        seconds += len(people) / part.users_per_second
        done += len(people)
        progress(done, len(valid))
    return summarise(BLEND, valid, top, mrr, ks, seconds=seconds, seed=shop.seed)


def _judge_trees(
    shop: Shop,
    valid: Holdout,
    pool: Pool,
    sample: Rows,
    weighted: Evaluation,
    *,
    progress: Callable[[int, int], None],
) -> tuple[bool, Evaluation]:
    """Whether trees are better than the weights alone, and their figures.

    Trees that judge a product for a person learnt from the other half of the people and the other half of the products:
    whoever learns from people of the same period alone is rewarded for knowing what was in fashion in it. In the
    figures each person has one list, of the trees that did not learn from the first product that counts for the person.
    """
    ks, depth = weighted.ks, weighted.top.shape[1]
    among = _halves(valid.n_items, [shop.seed, 7])
    outside = valid.n_items  # stands for all products that are not in the catalogue
    leading = np.append(among[0], False)[np.minimum(valid.truth_item[valid.truth_indptr[:-1]], outside)]
    credit = np.zeros(len(valid))
    top, mrr = np.full((len(valid), depth), -1, np.int32), np.zeros(len(valid))
    seconds, done = 0.0, 0
    for half in _halves(len(valid), [shop.seed, 1]):
        people = np.flatnonzero(half)
        if not len(people):
            continue
        others = np.flatnonzero(~half[sample])
        weights, offset = shop.choose(pool.take(others))
        teachers, part = valid.take(sample[others]), valid.take(people)
        for products, lead in zip(among, (leading, ~leading), strict=True):
            trees = grow_trees(shop.whole(weights, offset), shop.facts, teachers, among=~products, seed=shop.seed)
            found = evaluate(shop.blend(weights, offset, trees), part, ks, resamples=1)
            credit[people] += quality(part, found.top, products)
            mine = lead[people]
            top[people[mine]], mrr[people[mine]] = found.top[mine], found.per_person["mrr"][mine]
            seconds += int(mine.sum()) / found.users_per_second
        done += len(people)
        progress(done, len(valid))
    everything = np.ones(valid.n_items, np.bool_)
    gain = credit - quality(valid, weighted.top, everything)
    better = bool(gain.mean() > gain.std() / np.sqrt(len(gain)))
    return better, summarise(BLEND, valid, top, mrr, ks, seconds=seconds, seed=shop.seed)


def _halves(number: int, seed: list[int]) -> tuple[Rows, Rows]:
    """A random half, and the other: masks [number]."""
    first = np.random.default_rng(seed).permutation(number) % 2 == 0
    return first, ~first


def _sample(valid: Holdout, seed: int) -> Rows:
    """Positions of the people that weights are chosen on, ascending."""
    if len(valid) <= MAX_PEOPLE:
        return np.arange(len(valid))
    return np.sort(np.random.default_rng([seed, 2]).choice(len(valid), MAX_PEOPLE, replace=False))


def _stage(report: Progress, label: str) -> Callable[[int, int], None]:
    return lambda done, total: report(label, done, total)
