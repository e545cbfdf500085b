"""Judging a recommender: the whole catalogue is ranked for every person, never a sample of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.compute.local import LocalExecutor
from shoplens.domain.dataset import Modality
from shoplens.errors import InputError
from shoplens.learning.holdout import Holdout
from shoplens.learning.metrics import catalogue, ranking
from shoplens.learning.metrics.bootstrap import Difference, compare_all, intervals
from shoplens.learning.segments import by_history, by_product
from shoplens.learning.top import top_items
from shoplens.models.base import Recommender

#: People × products in one batch: 16 MB of scores and 32 MB of positions on each core. Larger arrays, in glibc, are
#: fetched from the system and given back every time, which costs as much as ranking them.
SCORES_AT_ONCE = 4_000_000
Progress = Callable[[int, int], None]  # people done, people in all

METRICS: dict[str, Callable[[ranking.Hits, ranking.Counts, int], ranking.PerPerson]] = {
    "recall": ranking.recall,
    "ndcg": ranking.ndcg,
    "hit_rate": ranking.hit_rate,
    "precision": ranking.precision,
    "map": ranking.average_precision,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one model did on one holdout. K below is the largest of `ks`."""

    name: str
    ks: tuple[int, ...]
    people: int
    per_person: Mapping[str, npt.NDArray[np.float64]]  # "recall@10", …, "mrr" → [people]
    means: Mapping[str, float]  # the same names; NaN with nobody
    low: Mapping[str, float]  # 95 % bootstrap interval
    high: Mapping[str, float]
    segments: Mapping[str, Mapping[str, float]]  # "0 events" → {"people", "recall@K", "ndcg@K", "mrr"}
    products: Mapping[str, Mapping[str, float]]  # "cold", "warm", "head", "tail" → {"relevant", "recall", "shown"} at K
    coverage: float  # share of the catalogue in anybody's top K
    gini: float  # inequality of exposure in the top K
    novelty: float  # bits
    users_per_second: float  # scoring and ranking, on every core
    top: npt.NDArray[np.int32]  # [people, K], -1 = none
    holdout: str  # Holdout.fingerprint: only evaluations with the same one can be compared person by person

    @property
    def cold_recall(self) -> float | None:
        """At K, over the relevant products without a training event; None when there are none."""
        return self.products["cold"]["recall"] if "cold" in self.products else None

    def row(self) -> dict[str, float | None]:
        """The figures of a results table; metrics are null when there was nobody to judge on."""
        known: dict[str, float | None] = {
            name: None if np.isnan(value) else round(value, 6) for name, value in self.means.items()
        }
        known["coverage"] = round(self.coverage, 6)
        known[f"cold_recall@{max(self.ks)}"] = None if self.cold_recall is None else round(self.cold_recall, 6)
        known["users_per_second"] = round(self.users_per_second, 1)
        return known

    def as_dict(self) -> dict[str, Any]:
        """Everything but the per-person arrays, for a report."""
        return {
            **self.row(),
            "people": self.people,
            "gini": self.gini,
            "novelty_bits": self.novelty,
            "intervals_95": {name: [self.low[name], self.high[name]] for name in self.means} if self.people else {},
            "segments": {name: dict(values) for name, values in self.segments.items()},
            "products": {name: dict(values) for name, values in self.products.items()},
            "holdout": self.holdout,
        }

    def against(self, other: Evaluation, *, resamples: int = 1000, seed: int = 0) -> dict[str, Difference]:
        """How much better this model is than `other`, metric by metric: paired bootstrap over the same people.

        InputError when the two were not judged on the same holdout; empty when nobody was judged.
        """
        if self.holdout != other.holdout:
            raise InputError(f"{self.name} and {other.name} were judged on different people; judge both on one holdout")
        return compare_all(self.per_person, other.per_person, resamples, seed=seed)

    def diversity(self, modality: Modality) -> float:
        """Mean cosine distance between the products of a list, in that modality; NaN when it knows too few of them."""
        values = catalogue.diversity(self.top, modality.values, modality.present)
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else float("nan")


def evaluate(
    model: Recommender,
    holdout: Holdout,
    ks: Sequence[int] = (10, 20),
    *,
    batch: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Rank the catalogue for everybody in the holdout and measure.

    Products in a person's mask are left out of the ranking. Equal scores rank in the order of product rows. MRR looks
    at the whole ranking, MAP at the first max(ks). `batch` is the number of people scored at once (default: bounded
    by memory). Batches are ranked on every core, so `model.score` is called from several threads at once; the results
    do not depend on their number. Recall, NDCG and the rest: see `metrics`.
    """
    depth = max(ks)
    top = np.full((len(holdout), min(depth, holdout.n_items)), -1, np.int32)
    mrr = np.zeros(len(holdout))
    size = batch or batch_size(holdout.n_items)

    def rank(start: int) -> int:
        stop = min(start + size, len(holdout))
        scores = masked_scores(model, holdout, start, stop)
        top[start:stop] = top_items(scores, depth)
        mrr[start:stop] = first_rank_reciprocal(scores, holdout, start, stop)
        return stop

    began = time.perf_counter()
    # Products of matrices, comparisons and partitions release the interpreter lock; no batch reads another's rows.
    for done in LocalExecutor().map(rank, range(0, len(holdout), size)):
        if progress is not None:
            progress(done, len(holdout))
    seconds = time.perf_counter() - began
    return summarise(model.name, holdout, top, mrr, ks, seconds=seconds, resamples=resamples, seed=seed)


def summarise(
    name: str,
    holdout: Holdout,
    top: npt.NDArray[np.int32],
    mrr: npt.NDArray[np.float64],
    ks: Sequence[int],
    *,
    seconds: float,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Metrics of ranked lists `top` [n_people, K], made in `seconds`."""
    depth = max(ks)
    hits = hits_of(holdout, top)
    per_person: dict[str, npt.NDArray[np.float64]] = {}
    for k in ks:
        for metric, function in METRICS.items():
            per_person[f"{metric}@{k}"] = function(hits, holdout.relevant, k)
    per_person["mrr"] = mrr
    values = np.stack(list(per_person.values()), axis=1)
    bounds = intervals(values, resamples, seed=seed)
    means = values.mean(axis=0) if len(values) else np.full(len(per_person), np.nan)
    return Evaluation(
        name=name,
        ks=tuple(ks),
        people=len(holdout),
        per_person=per_person,
        means=dict(zip(per_person, means.tolist(), strict=True)),
        low=dict(zip(per_person, bounds[:, 0].tolist(), strict=True)),
        high=dict(zip(per_person, bounds[:, 1].tolist(), strict=True)),
        segments=by_history(holdout, per_person, (f"recall@{depth}", f"ndcg@{depth}", "mrr")),
        products=by_product(holdout, top, hits),
        coverage=catalogue.coverage(top, holdout.n_items),
        gini=catalogue.gini(top, holdout.n_items),
        novelty=catalogue.novelty(top, holdout.item_events),
        users_per_second=len(holdout) / seconds if seconds > 0 else 0.0,
        top=top,
        holdout=holdout.fingerprint(),
    )


def batch_size(n_items: int) -> int:
    """How many people to score at once so that memory stays bounded."""
    return int(np.clip(SCORES_AT_ONCE // max(n_items, 1), 16, 4096))


def masked_scores(model: Recommender, holdout: Holdout, start: int, stop: int) -> npt.NDArray[np.float32]:
    """Scores of people start:stop, -inf where the holdout masks. Own memory, float32 [stop - start, n_items]."""
    scores = np.array(model.score(holdout.histories.take(start, stop)), np.float32)
    if scores.shape != (stop - start, holdout.n_items):
        raise ValueError(
            f"model {model.name!r} scored {scores.shape}, expected {(stop - start, holdout.n_items)}: people × products"
        )
    if scores.size and not np.isfinite([scores.min(), scores.max()]).all():  # NaN is both; no array of flags is made
        raise ValueError(f"model {model.name!r} gave scores that are not finite")
    low, high = holdout.mask_indptr[start], holdout.mask_indptr[stop]
    person = np.repeat(np.arange(stop - start), np.diff(holdout.mask_indptr[start : stop + 1]))
    item = holdout.mask_item[low:high]
    known = item < holdout.n_items
    scores[person[known], item[known]] = -np.inf
    return scores


def first_rank_reciprocal(
    scores: npt.NDArray[np.float32], holdout: Holdout, start: int, stop: int
) -> npt.NDArray[np.float64]:
    """1 / rank of the best-ranked relevant product of people start:stop in the whole ranking; 0 when all of them are
    outside the catalogue. Shape [stop - start]."""
    person = np.repeat(np.arange(stop - start), np.diff(holdout.truth_indptr[start : stop + 1]))
    item = holdout.truth_item[holdout.truth_indptr[start] : holdout.truth_indptr[stop]]
    inside = item < holdout.n_items
    person, item = person[inside], item[inside]
    # Best relevant product of each person: highest score, then lowest row.
    order = np.lexsort((item, -scores[person, item], person))
    owner, first = np.unique(person[order], return_index=True)
    best = item[order[first]]
    value = scores[owner, best][:, None]
    if len(owner) < stop - start:
        scores = scores[owner]
    above = (scores > value).sum(axis=1)
    level = (scores == value).sum(axis=1)
    for row in np.flatnonzero(level > 1):  # ties: those with a lower row come first
        above[row] += (scores[row, : best[row]] == value[row]).sum()
    result = np.zeros(stop - start)
    result[owner] = 1.0 / (above + 1.0)
    return result


def hits_of(holdout: Holdout, top: npt.NDArray[np.int32]) -> ranking.Hits:
    """Whether each product in `top` [n_people, K] is relevant to its person. Shape [n_people, K]."""
    wide = max(holdout.n_items, int(holdout.truth_item.max(initial=-1)) + 1)
    truth = np.repeat(np.arange(len(holdout)), holdout.relevant) * wide + holdout.truth_item  # ascending
    asked = np.arange(len(holdout))[:, None] * wide + top
    place = np.minimum(np.searchsorted(truth, asked), max(len(truth) - 1, 0))
    return (top >= 0) & (truth[place] == asked) if len(truth) else np.zeros(top.shape, np.bool_)
