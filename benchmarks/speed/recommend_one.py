"""In-process top-20 for one person: Shoplens' linear model beside `implicit` iALS on the same catalogue.

    python benchmarks/speed/recommend_one.py [--products 10000 100000] [--people 5000] [--requests 400]

Both sides do what a live request needs: fold in a history that the model has never seen (about 100 products), score
the whole catalogue, leave out what the person has, pick the best 20. Synthetic purchases with Zipf popularity and planted
groups of taste. Requests alternate between the two, so that a busy machine slows both. Prints one JSON object.
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
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.linear import Linear

WANTED = 20
GROUPS = 50  # planted tastes
FACTORS = 128  # of iALS; its usual size for catalogues of this order


def purchases(people: int, products: int, each: int, seed: int) -> Interactions:
    """`each` purchases a person on average: popularity ~ 1 / rank^0.9, two in three from the person's own groups."""
    rng = np.random.default_rng(seed)
    number = np.clip(rng.lognormal(np.log(each), 0.6, people), 5, 1_000).astype(np.int64)
    user = np.repeat(np.arange(people), number)
    weight = 1 / np.arange(1, products + 1) ** 0.9
    drawn = rng.choice(products, len(user), p=weight / weight.sum())
    own = rng.integers(0, GROUPS, (people, 3))[user, rng.integers(0, 3, len(user))]
    planted = np.minimum(drawn // GROUPS * GROUPS + own, products - 1)
    item = np.where(rng.random(len(user)) < 2 / 3, planted, drawn)
    return Interactions(
        Vocabulary(map(str, range(people))),
        Vocabulary(map(str, range(products))),
        user.astype(np.int32),
        item.astype(np.int32),
        np.ones(len(user), np.float32),
        np.arange(len(user), dtype=np.int64),
        timed=False,
    )


def best_of(model: Linear, history: Histories) -> npt.NDArray[np.int64]:
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
    matrix = sp.csr_matrix((data.weight, (data.user, data.item)), shape=(people, products))
    matrix.sum_duplicates()
    peer = AlternatingLeastSquares(factors=FACTORS, iterations=10, random_state=seed, num_threads=0)
    started = time.perf_counter()
    with threadpool_limits(1, "blas"):  # as implicit asks for: it runs its own threads
        peer.fit(matrix, show_progress=False)
        peer_seconds = time.perf_counter() - started
        times: dict[str, list[float]] = {"shoplens": [], "implicit": []}
        for person in range(len(guests)):
            one = guests.take(person, person + 1)
            row = sp.csr_matrix((one.weight, one.item, one.indptr), shape=(1, products))
            row.sum_duplicates()
            calls: dict[str, Callable[[], Any]] = {
                "shoplens": lambda one=one: best_of(ours, one),  # type: ignore[misc]
                "implicit": lambda row=row: peer.recommend(0, row, N=WANTED, recalculate_user=True),  # type: ignore[misc]
            }
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                times[name].append(1e3 * (time.perf_counter() - started))
    p50 = {name: float(np.percentile(values[20:], 50)) for name, values in times.items()}
    p99 = {name: float(np.percentile(values[20:], 99)) for name, values in times.items()}
    return {
        "products": products,
        "people": people,
        "shoplens": {
            "p50_ms": round(p50["shoplens"], 3),
            "p99_ms": round(p99["shoplens"], 3),
            "fit_s": round(ours_seconds, 1),
        },
        "implicit": {
            "p50_ms": round(p50["implicit"], 3),
            "p99_ms": round(p99["implicit"], 3),
            "fit_s": round(peer_seconds, 1),
        },
        "times_faster_p50": round(p50["implicit"] / p50["shoplens"], 2),
        "times_faster_p99": round(p99["implicit"] / p99["shoplens"], 2),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    runs = [measure(products, wanted.people, wanted.requests, wanted.seed) for products in wanted.products]
    print(json.dumps({"benchmark": "recommend_one", "top": WANTED, "history": 100, "runs": runs}))


if __name__ == "__main__":
    main()
