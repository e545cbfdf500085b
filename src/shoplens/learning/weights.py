"""How much each model counts in the blend: few, principled choices, made on validation.

Trying many variants on a few thousand validation events finds luck, so the search is coarse, averaged and sceptical:
forward selection with replacement, bagged (Caruana et al., Ensemble selection from libraries of models, 2004). The
models that are about as good as the best one weigh the same, unless the best alone, or what the search found, is better
by more than one standard error (the rule of Breiman et al., Classification and Regression Trees, 1984): where data
cannot tell models apart, equal weights are hard to beat (Clemen, Combining forecasts, 1989), while the winner of a
close race is chosen by luck. A model that does not help weighs 0.

Models differ in how far their best products stand above the rest: by 30 deviations in one, by 4 in another. Weights
would mean something else for each, so one pick adds a model divided by how high its best products usually stand.

Fitting twice gives scores that differ in their last bits, and a search that follows every bit finds other weights each
time. Therefore z-scores are rounded, a pick must be better by more than `MARGIN`, and weights are given in steps of
`STEP`.

Products that nobody has bought have no part in this: see `learning.newcomers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.learning.evaluate import Progress, batch_size
from shoplens.learning.holdout import Holdout
from shoplens.learning.metrics.ranking import discounts
from shoplens.learning.top import top_items
from shoplens.models.base import Recommender
from shoplens.models.blend import VOUCHING, z_scores

DEPTH = 100  # best products of each model that can be in the blend's top K; deeper ones practically never are
MAX_PEOPLE = 20_000  # enough for a standard error below .003 of any metric; bounds memory
ROUNDS = 10  # picks of one search
BAGS = 8  # searches, each on a random half of the people; their weights are averaged
GRAIN = 1 / 65_536  # standard deviations to which z-scores are rounded
MARGIN = 1e-3  # share of the quality by which a pick must be better than one named before it
STEP = 0.05  # of weights; a smaller difference has never been seen to matter
COMPARABLE = 0.9  # of the best model's quality, from which on a model is about as good
NEW_DEPTH = 20  # best products without sales of each model; more never fit into a list


@dataclass(frozen=True, slots=True)
class Pool:
    """For each person, the union of all models' best products, with every model's z-score of each."""

    names: tuple[str, ...]
    known: npt.NDArray[np.bool_]  # [n_models, n_items] products that each model can judge
    item: npt.NDArray[np.int32]  # [n_people, width] product rows, 0 in padding
    z: npt.NDArray[np.float32]  # [n_models, n_people, width]; -inf in padding
    relevant: npt.NDArray[np.bool_]  # [n_people, width]
    truth: npt.NDArray[np.int64]  # [n_people] relevant products of each person, in the pool or not
    unsold: Pool | None = None  # the same of products that nobody bought, which are left out above
    new_taken: npt.NDArray[np.int64] | None = None  # [n_people] how many of those were relevant, in a pool or not

    def take(self, people: npt.NDArray[np.int64]) -> Pool:
        """Some of the people, by position."""
        return Pool(
            self.names,
            self.known,
            self.item[people],
            self.z[:, people],
            self.relevant[people],
            self.truth[people],
            None if self.unsold is None else self.unsold.take(people),
            None if self.new_taken is None else self.new_taken[people],
        )


def gather_pool(
    models: Mapping[str, Recommender],
    holdout: Holdout,
    *,
    unsold: npt.NDArray[np.bool_] | None = None,
    depth: int = DEPTH,
    progress: Progress | None = None,
) -> Pool:
    """Score everybody once with every model and keep the candidates. Memory: n_models² × people × depth × 4 bytes.

    `unsold`: products that get a pool of their own, bool [n_items]; default: none.
    """
    known = np.ones((len(models), holdout.n_items), np.bool_)
    for number, model in enumerate(models.values()):
        mask = getattr(model, "scorable", None)
        if mask is not None and mask.any():  # one that can judge nothing says nothing; its z-scores are all 0
            known[number] = mask
    apart = np.zeros(holdout.n_items, np.bool_) if unsold is None else unsold & known.any(axis=0)
    names = tuple(models)
    main = _Gathering(names, known, ~apart if unsold is None else ~unsold, len(holdout), depth)
    new = _Gathering(names, known, apart, len(holdout), NEW_DEPTH) if apart.any() else None
    size = max(16, batch_size(holdout.n_items) // len(models))
    for start in range(0, len(holdout), size):
        part = holdout.take(np.arange(start, min(start + size, len(holdout))))
        standard = [
            z_scores(model.score(part.histories), None if mask.all() else mask.astype(np.float32))
            for model, mask in zip(models.values(), known, strict=True)
        ]
        for one in (main, new):
            if one is not None:
                one.add(start, part, standard)
        if progress is not None:
            progress(start + len(part), len(holdout))
    truth = holdout.relevant
    if new is None:
        return main.pool(truth)
    person = np.repeat(np.arange(len(holdout)), truth)
    is_new = np.append(~main.among, False)[np.minimum(holdout.truth_item, holdout.n_items)]
    return main.pool(truth, new.pool(truth), np.bincount(person[is_new], minlength=len(holdout)))


class _Gathering:
    """A pool that is being filled with candidates among some products."""

    def __init__(
        self,
        names: tuple[str, ...],
        known: npt.NDArray[np.bool_],
        among: npt.NDArray[np.bool_],
        people: int,
        depth: int,
    ) -> None:
        self.names, self.known, self.among = names, known, among
        self.depth = min(depth, int(among.sum()))
        width = self.depth * len(names)
        self.item = np.zeros((people, width), np.int32)
        self.z = np.full((len(names), people, width), -np.inf, np.float32)
        self.relevant = np.zeros((people, width), np.bool_)

    def add(self, start: int, part: Holdout, standard: list[npt.NDArray[np.float32]]) -> None:
        """Candidates of the people from `start` on."""
        stop = start + len(part)
        masked_person = np.repeat(np.arange(len(part)), np.diff(part.mask_indptr))
        inside = part.mask_item < part.n_items
        candidates = []
        for scores, known in zip(standard, self.known, strict=True):
            if not (self.among & known).any():
                candidates.append(np.full((len(part), self.depth), -1, np.int32))
                continue
            allowed = np.where(self.among, scores, -np.inf)
            allowed[masked_person[inside], part.mask_item[inside]] = -np.inf
            candidates.append(top_items(allowed, self.depth))
        rows = np.sort(np.concatenate(candidates, axis=1), axis=1)  # [people, width]
        keep = rows >= 0
        keep[:, 1:] &= rows[:, 1:] != rows[:, :-1]
        safe = np.where(keep, rows, 0)
        self.item[start:stop] = safe
        for number, scores in enumerate(standard):
            z = np.rint(np.take_along_axis(scores, safe, axis=1) / GRAIN) * GRAIN
            self.z[number, start:stop] = np.where(keep, z, -np.inf)
        self.relevant[start:stop] = keep & _is_relevant(part, safe)

    def pool(
        self,
        truth: npt.NDArray[np.int64],
        unsold: Pool | None = None,
        new_taken: npt.NDArray[np.int64] | None = None,
    ) -> Pool:
        """What was gathered."""
        return Pool(self.names, self.known, self.item, self.z, self.relevant, truth, unsold, new_taken)


def choose_weights(
    pool: Pool, k: int = 20, *, rounds: int = ROUNDS, bags: int = BAGS, seed: int = 0
) -> dict[str, float]:
    """Weights that sum to 1 and make the mean of Recall@k and NDCG@k of the pool's people high.

    With nobody to choose on, all models weigh the same.
    """
    number = len(pool.names)
    if not len(pool.truth):
        return dict.fromkeys(pool.names, 1.0 / number)
    reached = np.flatnonzero(pool.relevant.any(axis=1))  # whoever no model serves cannot tell the models apart
    unit = _units(pool, k)
    random = np.random.default_rng([seed, 3])
    total = np.zeros(number)
    for _ in range(bags):
        half = np.sort(random.choice(reached, (len(reached) + 1) // 2, replace=False))
        counts = _search(_Quality(pool.take(half), k), rounds, unit)
        total += counts / counts.sum()
    quality = _Quality(pool.take(reached), k)

    def per_person(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        values = np.zeros(len(pool.truth))  # of the people whom no model serves: 0
        values[: len(reached)] = quality.per_person(shares * unit)
        return values

    single = np.eye(number)
    means = np.array([per_person(one).mean() for one in single])
    best = int(np.argmax(means))
    chosen = (means >= COMPARABLE * means[best]).astype(np.float64) if means[best] > 0 else single[best]
    now = per_person(chosen)
    for other in (single[best], in_steps(total / bags)):
        values = per_person(other)
        gain = values - now
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            chosen, now = other, values
    weights = chosen * unit / float((chosen * unit).sum())
    return {name: round(float(weight), 4) for name, weight in zip(pool.names, weights, strict=True)}


def _units(pool: Pool, k: int) -> npt.NDArray[np.float64]:
    """For each model, 1 over how many deviations its k best products usually stand above its mean. [n_models]"""
    z = np.where(np.isfinite(pool.z), pool.z, 0.0)
    best = np.sort(z, axis=2)[:, :, -k:].mean(axis=(1, 2))
    # Two digits: what differs in its last bits from one fit to the next must not change the weights.
    return np.array([float(f"{1 / height:.2g}") if height > 0 else 1.0 for height in best.tolist()])


def in_steps(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights that sum to 1, rounded to multiples of `STEP` that do so too: the largest remainders are rounded up."""
    parts = np.round(weights / STEP, 6)
    whole = np.floor(parts)
    short = round(1 / STEP) - int(whole.sum())
    order = np.argsort(-(parts - whole), kind="stable")  # ties: the earlier model
    whole[order[:short]] += 1
    return np.asarray(whole * STEP, np.float64)


def _search(quality: _Quality, rounds: int, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """How often each model is picked, `unit` of it at a time: every round adds the one that helps most (within
    `MARGIN`: the earlier one), and the best round wins (ties: the earliest, so that a simpler blend is preferred).
    [n_models]"""
    z = quality.pool.z * unit.astype(np.float32)[:, None, None]
    single = np.eye(len(z), dtype=np.int64)
    counts, total = np.zeros(len(z), np.int64), np.zeros(z.shape[1:], np.float32)
    best, best_counts = -1.0, counts  # so that the first round counts even where nobody is served within k places
    for _ in range(rounds):
        values = [quality.mean(total + one, (counts + pick) * unit) for one, pick in zip(z, single, strict=True)]
        chosen = next(number for number, value in enumerate(values) if value >= (1 - MARGIN) * max(values))
        counts, total = counts + single[chosen], total + z[chosen]
        if values[chosen] > (1 + MARGIN / 10) * best:
            best, best_counts = values[chosen], counts
    return best_counts


class _Quality:
    """Mean of Recall@k and NDCG@k of blended scores: only the ranks of the relevant products are looked up."""

    def __init__(self, pool: Pool, k: int) -> None:
        self.k = k
        self.pool = pool
        self.person, self.place = np.nonzero(pool.relevant)
        gain = discounts(k)
        self.discount = np.concatenate([gain, [0.0]])
        self.ideal = np.cumsum(gain)[np.minimum(pool.truth, k) - 1]

    def per_person(self, weights: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Quality of the blend with these weights [n_models] for each of the pool's people. [n_people]"""
        hit, gain = self._credits(_sum(self.pool, weights), weights)
        credit = np.bincount(self.person, (hit + gain) / 2, minlength=len(self.pool.truth))
        return np.asarray(credit, np.float64)

    def mean(self, scores: npt.NDArray[np.float32], weights: npt.NDArray[np.number]) -> float:
        """`scores`: sum of weighted z-scores [n_people, width]. Mean over people."""
        hit, gain = self._credits(scores, weights)
        return float((hit.sum() + gain.sum()) / (2 * max(len(self.pool.truth), 1)))

    def _credits(
        self, scores: npt.NDArray[np.float32], weights: npt.NDArray[np.number]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """What each relevant product in the pool adds to its person's Recall@k and NDCG@k."""
        if not self.pool.known.all():
            scores = scores * vouching(self.pool.known, weights)[self.pool.item]
        rank = np.empty(len(self.person), np.int64)
        step = max(1, 8_000_000 // max(scores.shape[1], 1))
        for start in range(0, len(rank), step):
            person, place = self.person[start : start + step], self.place[start : start + step]
            rank[start : start + step] = np.count_nonzero(scores[person] > scores[person, place][:, None], axis=1)
        hit = (rank < self.k) / self.pool.truth[self.person]
        return hit, self.discount[np.minimum(rank, self.k)] / self.ideal[self.person]


def blended(pool: Pool, weights: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """What the blend with these weights [n_models] scores each candidate. [n_people, width], -inf in padding."""
    scores = _sum(pool, weights)
    return scores if pool.known.all() else scores * vouching(pool.known, weights)[pool.item]


def _sum(pool: Pool, weights: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Weighted z-scores [n_people, width], -inf in padding."""
    scores = np.full(pool.relevant.shape, -np.inf, np.float32)
    inside = pool.z[0] > -np.inf
    scores[inside] = np.tensordot(weights.astype(np.float32), pool.z[:, inside], 1)
    return scores


def vouching(known: npt.NDArray[np.bool_], weights: npt.NDArray[np.number]) -> npt.NDArray[np.float32]:
    """The blend's factor for each product: members that can judge it speak for those that cannot. Shape [n_items]."""
    total = float(weights.sum())
    knowing = weights.astype(np.float64) @ known
    return np.where(knowing > 0, 1 + VOUCHING * (total - knowing) / np.maximum(knowing, 1e-6), 1).astype(np.float32)


def _is_relevant(part: Holdout, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether each product row [n_people, width] is in its person's truth."""
    wide = max(part.n_items, int(part.truth_item.max(initial=-1)) + 1)
    truth = np.repeat(np.arange(len(part)), part.relevant) * wide + part.truth_item
    return np.isin(np.arange(len(part))[:, None] * wide + rows, truth)
