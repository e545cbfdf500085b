"""The recommendation benchmark: one folder in, one table out; everything is chosen on valid."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoplens import registry
from shoplens.errors import InputError
from shoplens.learning.benchmark_data import Benchmark, read_benchmark
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.train import BLEND, MODELS, Factory, Progress, Trained, fit_again, train

BASELINE = "popularity"  # always a row of the table
KS = (10, 20)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a benchmark run found. `evaluations` are of the split that was asked for, in the order of the table."""

    data: str
    split: str  # "valid" or "test"
    trained: Trained
    evaluations: Mapping[str, Evaluation]
    modalities: tuple[str, ...]
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `shoplens bench recommend`."""
        return {
            "task": "recommend",
            "data": self.data,
            "split": self.split,
            "models": {
                name: {**one.row(), "train_seconds": round(self.trained.train_seconds[name], 3)}
                for name, one in self.evaluations.items()
            },
            "best": self.trained.best,
            "blend": dict(self.trained.weights) if BLEND in self.evaluations else None,
            "modalities": list(self.modalities),
            "people": max((one.people for one in self.evaluations.values()), default=0),
            "peak_rss_mb": round(peak_rss_mb(), 1),
            "seed": self.seed,
        }


def run_benchmark(
    folder: Path,
    *,
    cache: Path,
    test: Path | None = None,
    models: Sequence[str] = (),
    without: Sequence[str] = (),
    seed: int = 0,
    factories: Mapping[str, Factory] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Train on train.csv, choose on valid.csv, and judge on valid.csv or, when it is named, on a test file.

    `models`: rows of the table (default: all, and the blend); popularity is always one. For test, models are fitted
    again on train and valid when valid is part of the history that the protocol lets them read; weights stay.
    """
    wanted = _rows(models)
    benchmark = read_benchmark(folder, test=test, cache=cache, without=without, progress=progress)
    singles = [name for name in wanted if name != BLEND]
    if BLEND in wanted:
        singles += [name for name in MODELS if name not in singles]
    holdout = benchmark.valid_holdout()
    _somebody(len(holdout), "valid.csv")
    trained = train(
        benchmark.training(),
        holdout,
        models=singles,
        seed=seed,
        ks=KS,
        factories=factories,
        progress=progress,
    )
    if test is not None and benchmark.refits:
        trained = fit_again(trained, benchmark.training(with_valid=True), factories=factories, progress=progress)
    judged = trained.valid if test is None else _judge(benchmark, trained, wanted, seed, progress)
    return Outcome(
        data=benchmark.name,
        split="valid" if test is None else "test",
        trained=trained,
        evaluations={name: judged[name] for name in wanted},
        modalities=tuple(one.name for one in benchmark.modalities),
        seed=seed,
    )


def peak_rss_mb() -> float:
    """Largest memory that this process has had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_048_576 if sys.platform == "darwin" else 1024)


def _judge(
    benchmark: Benchmark, trained: Trained, wanted: Sequence[str], seed: int, progress: Progress | None
) -> dict[str, Evaluation]:
    """Rank test once with every wanted model."""
    holdout = benchmark.test_holdout()
    _somebody(len(holdout), "the test file")
    judged = {}
    for name in wanted:
        if progress is not None:
            progress(f"test {name}", 0, 1)
        judged[name] = evaluate(trained.recommender(name), holdout, KS, seed=seed)
        if progress is not None:
            progress(f"test {name}", 1, 1)
    return judged


def _rows(models: Sequence[str]) -> list[str]:
    """Names of the table's rows, baseline first, blend last."""
    known = [*registry.names("models"), BLEND]
    for name in models:
        if name not in known:
            raise InputError(f"no model named {name!r}; known: {', '.join(known)}")
    chosen = list(dict.fromkeys([BASELINE, *(models or (*MODELS, BLEND))]))
    return sorted(chosen, key=lambda name: (name == BLEND, chosen.index(name)))


def _somebody(people: int, where: str) -> None:
    if not people:
        raise InputError(
            f"nobody in {where} has a relevant product that is not masked, so there is nothing to judge on; "
            "look at protocol.json and at the ratings"
        )
