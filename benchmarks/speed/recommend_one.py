"""In-process top-20 for one person: Shoplens' linear model and transformer beside `implicit` iALS, same catalogue.

    python -m benchmarks.speed.recommend_one [--products 2000 10000 100000] [--people 5000] [--requests 400]

All do what a live request needs: fold in a history that the model has never seen (about 100 products), score the
whole catalogue, leave out what the person has and pick the best 20. `implicit_stored` is the peer without folding in:
it looks a trained person up, so that an event received a moment ago would not be felt. The transformer reads the latest
50 events and has learnt for one epoch from a few hundred people: enough for its speed, and its answers are not judged
here. The purchases are synthetic, with Zipf popularity and planted groups of taste. Requests alternate, so that a busy
machine slows all alike; every request runs on one thread. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from benchmarks.speed.synthetic import purchases
from shoplens.domain.dataset import Histories, TrainingData
from shoplens.models.base import Recommender
from shoplens.models.fusion import Fusion
from shoplens.models.linear import Linear

WANTED = 20
LEARNERS = 300  # people that the transformer learns from
FACTORS = 128  # of iALS; its usual size for catalogues of this order


def best_of(model: Recommender, history: Histories) -> npt.NDArray[np.int64]:
    """The best 20 products that the person does not have yet."""
    scores = model.score(history)[0]
    scores[history.item] = -np.inf
    top = np.argpartition(scores, len(scores) - WANTED)[-WANTED:]
    ranked: npt.NDArray[np.int64] = top[np.argsort(-scores[top])]
    return ranked


def measure(products: int, people: int, requests: int, seed: int) -> dict[str, Any]:
    """Fit both, then time alternating requests of people whom neither was trained on."""
    data = purchases(people, products, 100, seed)
    guests = purchases(requests + 20, products, 100, seed + 1).histories()
    started = time.perf_counter()
    ours = Linear(select=False).fit(TrainingData(data))
    ours_seconds = time.perf_counter() - started
    few = TrainingData(data.take(data.user < LEARNERS))
    transformer = Fusion(history="transformer", epochs=1, validation_people=0, seed=seed).fit(few)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    matrix = sp.csr_matrix((data.weight, (data.user, data.item)), shape=(people, products))
    matrix.sum_duplicates()
    with threadpool_limits(1, "blas"):  # as implicit asks for: it runs its own threads
        peer = AlternatingLeastSquares(factors=FACTORS, iterations=10, random_state=seed, num_threads=1)
        started = time.perf_counter()
        peer.fit(matrix, show_progress=False)
        peer_seconds = time.perf_counter() - started
        times: dict[str, list[float]] = {
            name: [] for name in ("shoplens", "transformer", "implicit", "implicit_stored")
        }
        for person in range(len(guests)):
            one = guests.take(person, person + 1)
            row = sp.csr_matrix((one.weight, one.item, one.indptr), shape=(1, products))
            row.sum_duplicates()
            calls: dict[str, Callable[[], Any]] = {
                "shoplens": lambda one=one: best_of(ours, one),  # type: ignore[misc]
                "transformer": lambda one=one: best_of(transformer, one),  # type: ignore[misc]
                "implicit": lambda row=row: peer.recommend(0, row, N=WANTED, recalculate_user=True),  # type: ignore[misc]
                "implicit_stored": lambda person=person, row=row: peer.recommend(person, row, N=WANTED),  # type: ignore[misc]
            }
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                times[name].append(1e3 * (time.perf_counter() - started))
    torch.set_num_threads(threads)
    result: dict[str, Any] = {"products": products, "people": people}
    for name, values in times.items():
        p50, p99 = np.percentile(values[20:], [50, 99])
        result[name] = {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}
    result["shoplens"]["fit_s"], result["implicit"]["fit_s"] = round(ours_seconds, 1), round(peer_seconds, 1)
    for name in ("implicit", "implicit_stored"):
        result[f"ratio_p50_{name}"] = round(result[name]["p50_ms"] / result["shoplens"]["p50_ms"], 2)
        result[f"ratio_p50_{name}_transformer"] = round(result[name]["p50_ms"] / result["transformer"]["p50_ms"], 2)
    return result


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, nargs="+", default=[2_000, 10_000, 100_000])
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    runs = [measure(products, wanted.people, wanted.requests, wanted.seed) for products in wanted.products]
    print(json.dumps({"benchmark": "recommend_one", "top": WANTED, "history": 100, "runs": runs}))


if __name__ == "__main__":
    main()
