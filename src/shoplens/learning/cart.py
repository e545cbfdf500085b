"""How much each signal of the cart counts: chosen on the validation weeks' baskets, by tables that did not see them.

Two questions are asked of each later basket: which product was taken out of it (with and without knowing the person),
and what it holds. Weights are those under which what was wanted is likeliest (`listwise`). A thousand baskets are
easily overfitted by twenty weights: what was found ships only where it is better than the usual weights, by more than
one standard error, for people that it was not chosen on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.learning.metrics.ranking import discounts
from shoplens.models.cart import Asked, Baskets, CartModel, CartSettings
from shoplens.models.cart.settings import HISTORY, POPULAR, SITUATIONS, SOURCE_OF, Weights

MOST = 2_000  # baskets a question: a standard error of NDCG@10 of about .005, and a minute or two of work
LEAST = 50  # baskets; below that the usual weights stay
DEPTH = 60  # best products of each signal that the sum can lift into the first ten
K = 10
BROAD = ("same_kind", "kind_often", "kind_lately")  # signals of many products at once, which they cannot tell apart
RIDGE = 1e-4  # of the squared weights, beside the mean log-likelihood of a question
ITERATIONS = 100

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What a basket can be asked: the cart, when and by whom, and what is to be found."""

    basket: int  # its number, for whoever counts by person
    cart: npt.NDArray[np.int64]
    wanted: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CartChoice:
    """The weights, and NDCG@10 on validation of the usual ones and of those found, cross-fitted."""

    weights: Weights
    figures: Mapping[str, Any]


def leave_one_out(baskets: Baskets, among: npt.NDArray[np.int64], seed: int = 0, most: int = MOST) -> list[Question]:
    """One product taken out of each basket that has several; at most `most` baskets, drawn at random."""
    random = np.random.default_rng(seed)
    several = among[baskets.sizes[among] > 1]
    chosen = np.sort(random.choice(several, min(most, len(several)), replace=False))
    questions = []
    for basket in chosen.tolist():
        items = baskets.item[baskets.indptr[basket] : baskets.indptr[basket + 1]].astype(np.int64)
        hidden = int(random.integers(len(items)))
        questions.append(Question(basket, np.delete(items, hidden), items[hidden : hidden + 1]))
    return questions


def next_baskets(baskets: Baskets, among: npt.NDArray[np.int64], seed: int = 0, most: int = MOST) -> list[Question]:
    """Each person's first basket among these; people drawn at random."""
    _, first = np.unique(baskets.user[among], return_index=True)
    random = np.random.default_rng(seed)
    chosen = np.sort(among[random.choice(first, min(most, len(first)), replace=False)])
    return [_whole(baskets, basket) for basket in chosen.tolist()]


def any_baskets(baskets: Baskets, among: npt.NDArray[np.int64], seed: int = 0, most: int = 3 * MOST) -> list[Question]:
    """What any of these baskets holds, not only each person's first: more to choose weights on. Drawn at random."""
    chosen = np.sort(np.random.default_rng(seed).choice(among, min(most, len(among)), replace=False))
    return [_whole(baskets, basket) for basket in chosen.tolist()]


def _whole(baskets: Baskets, basket: int) -> Question:
    held = baskets.item[baskets.indptr[basket] : baskets.indptr[basket + 1]].astype(np.int64)
    return Question(basket, np.zeros(0, np.int64), held)


class Purchases:
    """What the owner of a basket had bought before it."""

    def __init__(self, baskets: Baskets) -> None:
        self._baskets = baskets
        self._order = np.argsort(baskets.user, kind="stable")  # of each person, oldest first
        self._start = np.searchsorted(baskets.user[self._order], np.arange(int(baskets.user.max(initial=-1)) + 2))

    def baskets_before(self, basket: int) -> npt.NDArray[np.int64]:
        """Numbers of the earlier baskets of the same person, oldest first."""
        user = int(self._baskets.user[basket])
        mine = self._order[self._start[user] : self._start[user + 1]]
        earlier: npt.NDArray[np.int64] = mine[self._baskets.time[mine] < self._baskets.time[basket]]
        return earlier

    def before(self, basket: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Product rows, oldest first, and days before the basket; the latest HISTORY of them."""
        some = self._baskets.take(self.baskets_before(basket))
        age = (self._baskets.time[basket] - np.repeat(some.time, some.sizes)) / MICROSECONDS_PER_DAY
        return some.item[-HISTORY:].astype(np.int64), age[-HISTORY:].astype(np.float32)

    def asked(self, model: CartModel, question: Question, *, known: bool) -> Asked:
        """As a request would be understood; `known`: whether it says who asks."""
        weight = np.ones(len(question.cart), np.float32)
        if not known:
            return Asked(question.cart, weight)
        return Asked(question.cart, weight, model.habits(*self.before(question.basket)))


@dataclass(frozen=True, slots=True)
class Pool:
    """Of each question, every signal's best products; padded to one width."""

    values: npt.NDArray[np.float32]  # [n_signals, n_questions, width]
    inside: npt.NDArray[np.bool_]  # [n_questions, width]
    hit: npt.NDArray[np.bool_]  # [n_questions, width]
    wanted: npt.NDArray[np.int64]  # [n_questions]

    def take(self, questions: npt.NDArray[np.int64]) -> Pool:
        """Some of the questions, by position."""
        return Pool(self.values[:, questions], self.inside[questions], self.hit[questions], self.wanted[questions])

    def sum(self, weights: Mapping[str, float]) -> npt.NDArray[np.float32]:
        """Scores by these weights. [n_questions, width]"""
        numbers = np.array([weights.get(name, 0.0) for name in SOURCE_OF], np.float32)
        return np.asarray(np.tensordot(numbers, self.values, 1), np.float32)

    def ndcg(self, total: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """NDCG@10 of each question when the pool is ordered by `total` [n_questions, width]."""
        scores = np.where(self.inside, total, -np.inf)
        width = min(K, scores.shape[1])
        top = np.argpartition(-scores, width - 1, axis=1)[:, :width]
        top = np.take_along_axis(top, np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable"), 1)
        gain = np.take_along_axis(self.hit, top, 1) @ discounts(width)
        ideal = np.concatenate([[0.0], np.cumsum(discounts(K))])
        return np.asarray(gain / ideal[np.minimum(self.wanted, K)], np.float64)


def pool_of(model: CartModel, asked: Sequence[Asked], wanted: Sequence[npt.NDArray[np.int64]]) -> Pool:
    """Ask every question once and keep what can matter."""
    kept: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]] = []
    popular = np.argsort(-model.popular, kind="stable")[: 3 * DEPTH]
    for one, hidden in zip(asked, wanted, strict=True):
        signals = model.signals(one)
        best = [np.setdiff1d(popular, one.items)[:DEPTH]]
        for name, values in signals.values.items():
            if name in POPULAR or name in BROAD:
                continue
            depth = min(DEPTH, len(values))
            top = np.argpartition(values, len(values) - depth)[len(values) - depth :]
            best.append(signals.rows[top[values[top] > 0]])
        rows = np.unique(np.concatenate(best))
        at = np.minimum(np.searchsorted(signals.rows, rows), max(len(signals.rows) - 1, 0))
        known = signals.rows[at] == rows if len(signals.rows) else np.zeros(len(rows), np.bool_)
        block = np.zeros((len(SOURCE_OF), len(rows)), np.float32)
        popularity = model.popularity(rows)
        for place, name in enumerate(SOURCE_OF):
            if name in POPULAR:
                block[place] = popularity[name]
            elif name in signals.values:
                block[place, known] = signals.values[name][at[known]]
        kept.append((block, np.isin(rows, hidden)))
    width = max(len(hit) for _, hit in kept)
    values = np.zeros((len(SOURCE_OF), len(kept), width), np.float32)
    inside, hits = np.zeros((2, len(kept), width), np.bool_)
    for row, (block, hit) in enumerate(kept):
        values[:, row, : len(hit)], inside[row, : len(hit)], hits[row, : len(hit)] = block, True, hit
    return Pool(values, inside, hits, np.array([len(one) for one in wanted], np.int64))


def listwise(pool: Pool, *, ridge: float = RIDGE) -> dict[str, float]:
    """Weights by maximum likelihood: the products that were wanted, drawn among the pool of their question with
    chances that rise with the exponential of the score. Every question counts once, however many it wants."""
    told = np.flatnonzero((pool.hit & pool.inside).any(axis=1))
    if not len(told):
        return dict.fromkeys(SOURCE_OF, 0.0)
    inside, hit = pool.inside[told], (pool.hit & pool.inside)[told]
    entries = pool.values[:, told][:, inside].T  # [n_entries, n_signals]
    scale = entries.std(axis=0)
    used = np.flatnonzero(scale > 0)
    entries = np.ascontiguousarray(entries[:, used] / scale[used])
    start = np.concatenate([[0], np.cumsum(inside.sum(axis=1))[:-1]])
    question = np.repeat(np.arange(len(told)), inside.sum(axis=1))
    wanted = (hit / hit.sum(axis=1, keepdims=True))[inside].astype(np.float32)

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scores = entries @ weights.astype(np.float32)
        scores -= np.maximum.reduceat(scores, start)[question]
        chance = np.exp(scores)
        whole = np.add.reduceat(chance, start)
        value = float(np.sum(wanted * (np.log(whole)[question] - scores), dtype=np.float64)) / len(told)
        slope = entries.T @ (chance / whole[question] - wanted) / len(told)
        return value + ridge * float(weights @ weights), slope.astype(np.float64) + 2 * ridge * weights

    found = minimize(loss, np.zeros(len(used)), jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x
    weights = np.zeros(len(SOURCE_OF))
    weights[used] = found / scale[used]
    weights /= max(float(np.abs(weights).max()), 1e-12)
    return dict(zip(SOURCE_OF, np.round(weights, 5).tolist(), strict=True))


def weigh(
    pool: Pool, usual: Mapping[str, float], people: npt.NDArray[np.int32] | None = None, seed: int = 0
) -> tuple[dict[str, float], dict[str, Any]]:
    """The usual weights, or those of `listwise` where they are clearly better on people that they were not chosen on:
    by more than one standard error, half of the people judged by what the other half chose. With the figures.

    `people` [n_questions]: who asks, all different unless said otherwise; one person's questions stay together.
    """
    who = np.arange(len(pool.wanted)) if people is None else np.unique(people, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(int(who.max()) + 1)
    second = (order < len(order) // 2)[who]
    halves = np.flatnonzero(~second).astype(np.int64), np.flatnonzero(second).astype(np.int64)
    before = pool.ndcg(pool.sum(usual))
    after = before.copy()
    for fitted, judged in (halves, halves[::-1]):
        other = pool.take(judged)
        after[judged] = other.ndcg(other.sum(listwise(pool.take(fitted))))
    gain = float((after - before).mean())
    error = float(np.sqrt(np.square(np.bincount(who, after - before - gain)).sum()) / len(before))  # people differ
    better = len(order) > 1 and gain > error
    told = {"usual": round(float(before.mean()), 5), "cross-fitted": round(float(after.mean()), 5), "chosen": better}
    weights = listwise(pool) if better else {name: float(usual.get(name, 0.0)) for name in SOURCE_OF}
    return weights, told


def choose_weights(
    baskets: Baskets,
    kind: npt.NDArray[np.int32],
    *,
    days: float,
    settings: CartSettings | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> CartChoice:
    """Fit on all but the last `days`, ask the baskets of those days. The usual weights where they are too few."""
    usual = settings or CartSettings()
    cut = baskets.end - round(days * MICROSECONDS_PER_DAY)
    before, later = np.flatnonzero(baskets.time < cut), np.flatnonzero(baskets.time >= cut)
    model = CartModel.fit(baskets.take(before), kind, usual)
    purchases = Purchases(baskets)
    hidden, following = leave_one_out(baskets, later, seed), any_baskets(baskets, later, seed)
    following = [one for one in following if len(purchases.baskets_before(one.basket))]
    weights: dict[str, dict[str, float]] = {}
    figures: dict[str, Any] = {}
    for done, situation in enumerate(SITUATIONS):
        if progress is not None:
            progress("weigh the cart", done, len(SITUATIONS))
        questions = following if situation == "person" else hidden
        asked = [purchases.asked(model, one, known=situation != "cart") for one in questions]
        fitting = [k for k, one in enumerate(asked) if one.situation == situation]
        start = usual.weights[situation]
        if len(fitting) < LEAST:
            weights[situation] = {name: float(start.get(name, 0.0)) for name in SOURCE_OF}
            figures[situation] = {"baskets": len(fitting), "chosen": False}
            continue
        pool = pool_of(model, [asked[k] for k in fitting], [questions[k].wanted for k in fitting])
        people = baskets.user[[questions[k].basket for k in fitting]]
        weights[situation], told = weigh(pool, start, people, seed)
        figures[situation] = {"baskets": len(fitting), **told}
    if progress is not None:
        progress("weigh the cart", len(SITUATIONS), len(SITUATIONS))
    return CartChoice(weights, figures)
