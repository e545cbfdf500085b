"""Learning the order of search results from clicks, and whether what was learnt may serve. See `models.click_ranker`.

People click what they see: a product at the top is clicked more than an equally good one below. Every product that was
taken counts 1/θ(place) times, θ being how likely people look there (`learning.position_bias`); in expectation that is
how often it would have been taken had everybody seen it (Joachims, Swaminathan and Schnabel, Unbiased learning-to-rank
with biased feedback, 2017). Each take is a list of its own for LambdaMART, the product taken above those that were not:
so the weight belongs to comparisons and not to single products.

Trees are judged on the latest week, which they did not see, with the rates of before that week, by the same weighted
measure on the same searches as the order without clicks; resampled by person, because searches of one person are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.learning.click_log import ClickLog, pair_keys
from shoplens.learning.metrics.bootstrap import compare
from shoplens.learning.position_bias import position_bias, steps
from shoplens.models.click_ranker import OF_RATES, SCORE, ClickRanker, ClickRates, Floats, smoothed
from shoplens.models.ranker import lightgbm

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much
JUDGED_DAYS = 7.0
LARGEST_SHARE = 1 / 3  # of the answers that people took something from; a short log is not judged by all of it
LEAST_ANSWERS = 200  # that people took something from, to learn; half as many to judge: fewer show luck
MOST_TAKES = 50_000  # the latest; bounds memory and time
HEAVIEST = 10.0  # 1/θ is cut here: a rare click far below must not outshout all others
TREES = 100
SETTINGS: dict[str, Any] = {
    "objective": "lambdarank",
    "num_leaves": 15,
    "learning_rate": 0.06,
    "min_data_in_leaf": 50,
    "lambda_l2": 1.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "bagging_by_query": True,
    "lambdarank_truncation_level": 20,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # so that the trees are the same on every machine
    "verbose": -1,
}
FREE = frozenset({"popularity", "price_place", "age", OF_RATES[-1]})  # all else may only speak for a product


@dataclass(frozen=True, slots=True)
class ClickReport:
    """What was learnt from and how it was judged. Figures are nan when there was too little."""

    answers: int  # searches with words that showed something
    taken_from: int  # of them, how many led to a click or more
    askers: int
    looks: tuple[float, ...]  # θ at the places `learning.position_bias.EDGES`
    ours: float  # NDCG of what was taken, weighted by 1/θ, on the latest week
    theirs: float  # the same of the order without clicks
    low: float  # 95 % interval of the difference
    high: float
    kept: bool
    told: str  # a sentence

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def learn_click_order(
    log: ClickLog, *, seed: int = 0, progress: Progress | None = None
) -> tuple[ClickRanker | None, ClickReport]:
    """A ranker learnt on everything, if one learnt on all but the latest week was better there than the order without
    clicks; otherwise None, and the report says why. RankerMissingError without lightgbm."""
    tell = progress or _silent
    useful = _taken_from(log)
    told_of = (len(log), len(useful), len(np.unique(log.asker)))
    if not len(useful):
        return None, _refused(*told_of, (), "nobody has taken anything from a search yet")
    cut = max(
        int(log.timestamp[useful[-1]] - JUDGED_DAYS * MICROSECONDS_PER_DAY),
        int(log.timestamp[useful[int(len(useful) * (1 - LARGEST_SHARE))]]),
    )
    before, after = np.flatnonzero(log.timestamp < cut), np.flatnonzero(log.timestamp >= cut)
    learn, judge = log.take(before), log.take(after)
    enough = len(_taken_from(learn)) >= LEAST_ANSWERS and len(_taken_from(judge)) >= LEAST_ANSWERS // 2
    if not enough:
        told = f"people took something from {len(useful)} searches; {LEAST_ANSWERS + LEAST_ANSWERS // 2} are needed"
        return None, _refused(*told_of, (), told)
    tell("learn from clicks", 0, 3)
    looks = position_bias(pair_keys(learn), learn.place, learn.taken)
    ranker = grow(learn, looks, seed=seed)
    tell("learn from clicks", 1, 3)
    ours, theirs = judge_order(ranker, judge, looks)
    difference = compare(ours, theirs, seed=seed)
    figures = (float(ours.mean()), float(theirs.mean()), difference.low, difference.high)
    said = f"NDCG of what people took in the latest week: {figures[0]:.4f}, without clicks {figures[1]:.4f}"
    tell("learn from clicks", 2, 3)
    kept = difference.low > 0
    if kept:
        looks = position_bias(pair_keys(log), log.place, log.taken)
        ranker = grow(log, looks, seed=seed)
    tell("learn from clicks", 3, 3)
    told = f"{said}; {'clicks order results from now on' if kept else 'not clearly better, so it is not used'}"
    return ranker if kept else None, ClickReport(*told_of, tuple(looks.round(4).tolist()), *figures, kept, told)


def grow(log: ClickLog, looks: npt.NDArray[np.float64], *, seed: int = 0) -> ClickRanker:
    """Trees learnt from all takes in a log; `looks`: θ by step."""
    package = lightgbm()
    seen = looks[steps(log.place)].astype(np.float32)
    table = np.hstack([log.table, earlier_rates(log, seen)])
    rows, sizes, weights = _comparisons(log, seen)
    names = [*log.names, *OF_RATES]
    label = np.zeros(len(rows), np.int32)
    label[np.cumsum([0, *sizes[:-1]])] = 1
    data = package.Dataset(
        table[rows],
        label,
        group=sizes,
        weight=np.repeat(weights, sizes),
        feature_name=[f"f{n}" for n in range(len(names))],
    )
    rising = [0 if name in FREE else 1 for name in names]
    settings = {**SETTINGS, "monotone_constraints": rising, "seed": seed}
    trees = str(package.train(settings, data, TREES).model_to_string())
    rates = ClickRates.of(log.query[log.owner], log.item, seen, log.taken)
    return ClickRanker(log.names, rates, trees)


def judge_order(
    ranker: ClickRanker, log: ClickLog, looks: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """NDCG of what was taken when the shown products are put in the ranker's order, and in the order without clicks:
    each [askers], of the same askers. Every take counts 1/θ times."""
    log = log.take(_taken_from(log))
    weight = np.where(log.taken, 1 / np.maximum(looks[steps(log.place)], 1 / HEAVIEST), 0.0)
    rates = [
        ranker.rates.features(int(query), log.item[rows]) for query, rows in zip(log.query, _rows(log), strict=True)
    ]
    merit = ranker.predict(np.hstack([log.table, np.concatenate(rates)]))
    usual = np.where(np.isnan(log.column(SCORE)), -log.place, log.column(SCORE))
    figures = np.zeros((len(log), 2))
    for number, rows in enumerate(_rows(log)):
        order = np.argsort(-usual[rows], kind="stable")  # as in serving, it decides ties of the trees
        better = order[np.argsort(-merit[rows][order], kind="stable")]
        discounts = 1 / np.log2(np.arange(2, len(order) + 2))
        ideal = float(-np.sort(-weight[rows]) @ discounts)
        figures[number] = [float(weight[rows][one] @ discounts) / ideal for one in (better, order)]
    names, who = np.unique(log.asker, return_inverse=True)
    # How much an answer weighs: as often as its takes would have happened, had everybody looked everywhere.
    heavy = np.maximum.reduceat(weight, log.indptr[:-1])
    total = np.bincount(who, heavy, len(names))
    scale = total * len(names) / total.sum()
    ours, theirs = (np.bincount(who, heavy * column, len(names)) / total for column in figures.T)
    return ours * scale, theirs * scale


def earlier_rates(log: ClickLog, seen: Floats) -> Floats:
    """OF_RATES of each row, counted over earlier answers only: no row knows its own click. [rows, 3]"""
    taken = log.taken.astype(np.float32)
    pair_seen, pair_taken = _before(pair_keys(log), seen), _before(pair_keys(log), taken)
    item_seen, item_taken = _before(log.item, seen), _before(log.item, taken)
    answer = log.indptr[log.owner]  # rows of earlier answers
    total_seen = np.concatenate([[0.0], np.cumsum(seen, dtype=np.float64)])[answer]
    total_taken = np.concatenate([[0.0], np.cumsum(taken, dtype=np.float64)])[answer]
    overall = (total_taken + 1) / (total_seen + 10)  # before anything is known, one look in ten
    return smoothed(pair_seen, pair_taken, item_seen, item_taken, overall)


def _before(name: npt.NDArray[np.int64], values: Floats) -> Floats:
    """Sum of the values of earlier rows with the same name. [n]"""
    order = np.argsort(name, kind="stable")
    running = np.cumsum(values[order], dtype=np.float64) - values[order]
    new = np.ones(len(name), np.bool_)
    new[1:] = name[order][1:] != name[order][:-1]
    result = np.empty(len(name), np.float32)
    result[order] = running - running[new][np.cumsum(new) - 1]
    return result


def _rows(log: ClickLog) -> list[slice]:
    """What was shown in each answer."""
    return [slice(int(start), int(end)) for start, end in pairwise(log.indptr)]


def _taken_from(log: ClickLog) -> npt.NDArray[np.int64]:
    """Answers of which something was taken and something left. [m] ascending"""
    taken = np.bincount(log.owner, log.taken, len(log))
    return np.flatnonzero((taken > 0) & (taken < np.diff(log.indptr)))


def _comparisons(log: ClickLog, seen: Floats) -> tuple[npt.NDArray[np.int64], list[int], Floats]:
    """One list a take: its row, then the rows of its answer that were not taken. Rows, sizes, weights of the lists."""
    takes = np.flatnonzero(log.taken)
    owner = log.owner
    useful = np.isin(owner[takes], _taken_from(log))
    takes = takes[useful][-MOST_TAKES:]
    parts: list[npt.NDArray[np.int64]] = []
    sizes: list[int] = []
    for take in takes.tolist():
        answer = owner[take]
        rows = np.arange(log.indptr[answer], log.indptr[answer + 1])
        left = rows[~log.taken[rows]]
        parts.append(np.concatenate([[take], left]))
        sizes.append(len(left) + 1)
    weights = log.gain[takes] / np.maximum(seen[takes], 1 / HEAVIEST)
    return np.concatenate(parts), sizes, weights.astype(np.float32)


def _refused(answers: int, taken_from: int, askers: int, looks: tuple[float, ...], told: str) -> ClickReport:
    nothing = float("nan")
    return ClickReport(answers, taken_from, askers, looks, nothing, nothing, nothing, nothing, False, told)


def _silent(what: str, done: int, of: int) -> None:
    """No progress."""
