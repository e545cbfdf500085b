"""What photos, sounds and texts add to behaviour: fusion with and without them, on the same people.

    python -m benchmarks.quality.modality_gain FOLDER [--seeds 0 1 2] [--history auto]

FOLDER is laid out as for `shoplens bench recommend`. Both sides are fitted on train.csv with every seed and judged on
valid.csv; a person's figure is the mean over the seeds, so that the luck of one start says less. Prints one JSON
object: both sides, and the paired bootstrap of the difference, for all products and for those without a purchase.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.learning.benchmark_data import Benchmark, read_benchmark
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.metrics.bootstrap import compare, intervals
from shoplens.models.fusion import Fusion

METRICS = ("recall@10", "ndcg@10", "recall@20", "ndcg@20")


def judge(benchmark: Benchmark, modalities: bool, seed: int, history: str) -> Evaluation:
    """Fit on train, score valid."""
    data = benchmark.training()
    if not modalities:
        data = data.without(*(one.name for one in data.modalities))
    model = Fusion(history=history, seed=seed).fit(data)
    return evaluate(model, benchmark.valid_holdout(), resamples=1)


def measure(folder: Path, seeds: list[int], history: str) -> dict[str, Any]:
    """Both sides with every seed."""
    with tempfile.TemporaryDirectory() as cache:
        benchmark = read_benchmark(folder, cache=Path(cache))
    if not benchmark.modalities:
        raise SystemExit(f"{folder} has no features and no items.csv: there is nothing to add to behaviour")
    judged = {
        side: [judge(benchmark, modalities, seed, history) for seed in seeds]
        for side, modalities in (("with", True), ("without", False))
    }
    result: dict[str, Any] = {
        "benchmark": "modality_gain",
        "data": benchmark.name,
        "split": "valid",
        "modalities": [one.name for one in benchmark.modalities],
        "people": len(benchmark.valid_holdout()),
        "seeds": seeds,
    }
    for metric in METRICS:
        means: dict[str, npt.NDArray[np.float64]] = {
            side: np.mean([one.per_person[metric] for one in found], axis=0) for side, found in judged.items()
        }
        gain = compare(means["with"], means["without"])
        result[metric] = {
            **{
                side: {
                    "mean": round(float(values.mean()), 5),
                    "interval_95": np.round(intervals(values[:, None])[0], 5).tolist(),
                    "by_seed": [round(one.means[metric], 5) for one in judged[side]],
                }
                for side, values in means.items()
            },
            "gain": round(gain.mean, 5),
            "gain_95": [round(gain.low, 5), round(gain.high, 5)],
            "clear": gain.clear,
        }
    result["cold_recall@20"] = {side: [one.cold_recall for one in found] for side, found in judged.items()}
    return result


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--history", default="auto", help="history encoder; default: what fusion takes by itself")
    wanted = parser.parse_args()
    print(json.dumps(measure(wanted.folder, wanted.seeds, wanted.history)))


if __name__ == "__main__":
    main()
