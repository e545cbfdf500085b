"""Training time and quality of Shoplens' linear model beside `implicit` iALS and ItemKNN, on the same purchases.

    python -m benchmarks.speed.recommend_train [--data FOLDER] [--repetitions 3] [--fusion]

FOLDER holds train.csv and valid.csv (user_id,item_id[,rating][,timestamp]); valid.csv is what has to be found. Without
it the purchases are made up, in the shape of MovieLens-1M and with planted tastes, and the latest fifth of what each
person bought has to be found. The settings of the peers are the best of a small search (NDCG@20) on an inner
validation: the latest fifth of each person's training purchases, at random where there are no times. That search is not
part of their time, but for `time_ratios_with_search`. Shoplens' own choice of settings is part of `linear`;
`linear_again` is the same model with the settings known, as theirs are, and as a nightly training has them. Models take
turns, in the opposite order every other time, each with all cores. One JSON object; ratios are peer's time / ours, pair
by pair.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.speed.implicit_models import Implicit, counts
from benchmarks.speed.spread import ratios, spread
from benchmarks.speed.synthetic import distinct_purchases
from shoplens.domain.dataset import Interactions, TrainingData
from shoplens.learning.benchmark_data import read_benchmark
from shoplens.learning.evaluate import evaluate
from shoplens.learning.holdout import Holdout, build_holdout
from shoplens.models.base import Recommender
from shoplens.models.fusion import Fusion
from shoplens.models.linear import Linear

TOP = 20
HIDDEN = 0.2  # share of a person's purchases that has to be found
NEIGHBOURS = (20, 100, 300)


@dataclass(frozen=True, slots=True)
class Case:
    """What is learnt from and what has to be found."""

    train: Interactions
    holdout: Holdout

    @classmethod
    def latest(cls, interactions: Interactions, seed: int) -> Case:
        """The latest fifth of each person's purchases hidden (any fifth without times), at least one of two."""
        random = np.random.default_rng(seed)
        clock = interactions.timestamp if interactions.timed else random.permutation(len(interactions))
        order = np.lexsort((clock, interactions.user))
        number = np.bincount(interactions.user, minlength=len(interactions.users))
        hide = np.where(number >= 2, np.maximum(1, (HIDDEN * number).astype(np.int64)), 0)
        hidden = np.zeros(len(interactions), np.bool_)
        hidden[order] = np.arange(len(order)) >= (np.cumsum(number) - hide)[interactions.user[order]]
        train = interactions.take(~hidden)
        now = int(interactions.timestamp.max(initial=0)) + 1
        truth = interactions.take(hidden)
        return cls(train, build_holdout(truth, history=train, trained_on=train, mask=train, now=now))


def searched(
    name: str, case: Case, sizes: list[int], weights: list[float], penalties: list[float]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Best settings of a peer on an inner validation, and all that were tried with their NDCG@20."""
    inner = Case.latest(case.train, seed=1)
    matrix = counts(inner.train)
    tried: list[dict[str, float]] = []

    def best_of(candidates: list[dict[str, float]]) -> dict[str, float]:
        for one in candidates:
            found = evaluate(cast("Recommender", Implicit(name, one).fit(matrix)), inner.holdout, (TOP,), resamples=1)
            tried.append({**one, "ndcg@20": round(found.means[f"ndcg@{TOP}"], 5)})
        best = max(tried, key=lambda one: one["ndcg@20"])
        return {key: value for key, value in best.items() if key != "ndcg@20"}

    if name != "implicit_ials":
        return best_of([{"K": number} for number in NEIGHBOURS]), tried
    first = {"factors": min(sizes), "iterations": 15}
    best = best_of([{**first, "alpha": alpha, "regularization": cost} for alpha in weights for cost in penalties])
    return best_of([{**best, "factors": size} for size in sizes if size != best["factors"]]), tried


def taking_turns(
    makers: dict[str, Callable[[], Any]], repetitions: int
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each repetition, and each model as it was fitted last."""
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    fitted: dict[str, Any] = {}
    for turn in range(repetitions):
        for name in list(makers)[:: 1 if turn % 2 == 0 else -1]:
            began = time.perf_counter()
            fitted[name] = makers[name]()
            seconds[name].append(time.perf_counter() - began)
            print(f"{name}: {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
    return seconds, fitted


def judged(model: Recommender, holdout: Holdout) -> dict[str, Any]:
    """Recall@20 and NDCG@20 with their 95 % intervals."""
    found = evaluate(model, holdout, (TOP,))
    result: dict[str, Any] = {}
    for name in (f"recall@{TOP}", f"ndcg@{TOP}"):
        result[name] = round(found.means[name], 4)
        result[f"{name}_95"] = [round(found.low[name], 4), round(found.high[name], 4)]
    result["people_scored_per_s"] = round(found.users_per_second)
    return result


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="benchmark folder with train.csv and valid.csv")
    parser.add_argument("--people", type=int, default=6_000)
    parser.add_argument("--products", type=int, default=3_700)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--alpha", type=float, nargs="+", default=[1.0, 10.0, 40.0])
    parser.add_argument("--regularization", type=float, nargs="+", default=[0.01, 1.0, 10.0, 100.0])
    parser.add_argument("--fusion", action="store_true", help="also fit the fusion network, once (minutes)")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    case, name = read(wanted)
    data, matrix = TrainingData(case.train), counts(case.train)
    chosen, searches, searching = {}, {}, {}
    for peer in ("implicit_ials", "implicit_bm25", "implicit_cosine"):
        began = time.perf_counter()
        chosen[peer], searches[peer] = searched(peer, case, wanted.factors, wanted.alpha, wanted.regularization)
        searching[peer] = time.perf_counter() - began
        print(f"{peer}: {chosen[peer]}", file=sys.stderr, flush=True)
    known = Linear(seed=wanted.seed).fit(data)
    makers: dict[str, Callable[[], Any]] = {
        "linear": lambda: Linear(seed=wanted.seed).fit(data),
        "linear_again": lambda: known.again().fit(data),
    }
    for peer, settings in chosen.items():
        makers[peer] = lambda peer=peer, settings=settings: Implicit(peer, settings).fit(matrix)  # type: ignore[misc]
    seconds, fitted = taking_turns(makers, wanted.repetitions)
    if wanted.fusion:
        once, last = taking_turns({"fusion": lambda: Fusion(seed=wanted.seed).fit(data)}, 1)
        seconds, fitted = {**seconds, **once}, {**fitted, **last}
    models: dict[str, Any] = {
        model: {"fit_s": spread(seconds[model]), **judged(fitted[model], case.holdout)} for model in fitted
    }
    for peer, settings in chosen.items():
        models[peer] |= {"settings": settings, "search_s": round(searching[peer], 1), "tried": searches[peer]}
    result = {
        "benchmark": "recommend_train",
        "data": name,
        "people": len(case.train.users),
        "products": len(case.train.items),
        "training_events": len(case.train),
        "people_judged": len(case.holdout),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "models": models,
        "time_ratios": {
            f"{peer} / {ours}": ratios(seconds[peer], seconds[ours])
            for peer in chosen
            for ours in ("linear", "linear_again")
        },
        # Settings chosen on both sides: the peer's search and one training, beside a training that chooses for itself.
        "time_ratios_with_search": {
            f"{peer} / linear": ratios([searching[peer] + one for one in seconds[peer]], seconds["linear"])
            for peer in chosen
        },
    }
    print(json.dumps(result))


def read(wanted: argparse.Namespace) -> tuple[Case, str]:
    """The purchases asked for, and what to call them."""
    if wanted.data is None:
        made = distinct_purchases(wanted.people, wanted.products, wanted.interactions, wanted.seed)
        return Case.latest(made, wanted.seed), "synthetic: Zipf popularity, planted tastes, the shape of MovieLens-1M"
    with tempfile.TemporaryDirectory() as cache:
        found = read_benchmark(wanted.data, cache=Path(cache))
    return Case(found.train, found.valid_holdout()), found.name


if __name__ == "__main__":
    main()
