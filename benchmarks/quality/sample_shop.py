"""The models of a trained shop beside iALS of `implicit`: python -m benchmarks.quality.sample_shop WORKSPACE

WORKSPACE is a folder that `shoplens demo --dir WORKSPACE --no-serve` has made, or any shop after `shoplens train`. iALS
learns from the very events that the newest training learnt from, is chosen by NDCG@20 on the same validation, and is
scored once on the same test: the same people, products and histories, which run up to the test while the model has
learnt from the training part alone. The models of the shop are not run again: their figures, also person by person,
are those that the training kept. Prints one JSON object.

A person's events with a product are summed, as in Hu, Koren and Volinsky, Collaborative Filtering for Implicit
Feedback Datasets, 2008; the last settings tried take the logarithm of the sum, which that paper proposes too. Events
do not fade with age for iALS, whatever the shop's half life is. A default search fits 15 to 17 times, on all cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from benchmarks.speed.implicit_models import FoldedIALS, counts
from shoplens.domain.events import event_weights
from shoplens.errors import InputError, ShoplensError
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.holdout import Holdout
from shoplens.learning.metrics.bootstrap import compare_all
from shoplens.learning.plots import plot_metrics
from shoplens.learning.runs.record import Run, list_runs
from shoplens.learning.split import Split
from shoplens.learning.train import BLEND
from shoplens.models.base import Recommender
from shoplens.models.folding import Matrix
from shoplens.service.dataset import read_interactions
from shoplens.service.settings import TrainSettings
from shoplens.service.training_events import cut, fingerprint, known_only
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

PEER = "implicit iALS"
CHOSEN_BY = "ndcg@20"
REPORTED = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
ITERATIONS = 15
WIDER = 2  # times that the search goes on beyond the largest regularization, so that its edge does not hold iALS back


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings of iALS."""

    factors: int
    regularization: float
    alpha: float
    logarithm: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """One choice that was fitted and judged on validation; no evaluation when its equations could not be solved."""

    trial: Trial
    model: FoldedIALS | None
    valid: Evaluation | None
    seconds: float  # of fitting

    @property
    def quality(self) -> float:
        """What is chosen by."""
        return -1.0 if self.valid is None else self.valid.means[CHOSEN_BY]

    def row(self) -> dict[str, Any]:
        """For JSON."""
        known = None if self.valid is None else round(self.quality, 5)
        return {**asdict(self.trial), CHOSEN_BY: known, "fit_s": round(self.seconds, 1)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="folder of a trained shop")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--regularization", type=float, nargs="+", default=[0.01, 0.1, 1.0, 10.0])
    parser.add_argument("--alpha", type=float, nargs="+", default=[1.0, 10.0, 40.0])
    parser.add_argument("--report", type=Path, metavar="FILE.png", help="draw the figures as bars")
    given = parser.parse_args()
    try:
        result, drawn = beside_ials(given.workspace, given.factors, given.regularization, given.alpha)
    except ShoplensError as error:
        sys.exit(str(error))
    if given.report is not None:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        plot_metrics(given.report, drawn, title=f"Test: {result['test_period']}")
    print(json.dumps(result))


def beside_ials(
    root: Path, sizes: Sequence[int], penalties: Sequence[float], weights: Sequence[float]
) -> tuple[dict[str, Any], dict[str, Evaluation]]:
    """The whole comparison, and what there is to draw. ShoplensError says why there can be none."""
    workspace = Workspace.open(root)
    run = newest(workspace.runs)
    settings = TrainSettings.model_validate(dict(run.config))
    split = split_of(workspace, run, settings)
    learn = known_only(split.train, settings.min_item_events)
    seed = run.seed or 0
    best, rows = choose(counts(learn), split.valid_holdout(repeat=settings.repeat), sizes, penalties, weights, seed)
    if best.model is None or best.valid is None:
        raise InputError("no settings of iALS could be solved; try --regularization with larger numbers")
    # The one look at the test, with the arguments of service.training.score_test.
    holdout = split.test_holdout(repeat=settings.repeat, trained_on=split.train)
    if not len(holdout):
        raise InputError(f"run {run.name} had nobody to be tested on; take in a longer log and train again")
    if holdout.fingerprint() != run.models[BLEND].get("holdout"):
        raise InputError(f"run {run.name} was judged on another test than its events give now; train again")
    test = evaluate(cast("Recommender", best.model), holdout, seed=seed)
    ours = run.per_person()
    differences = compare_all(ours[BLEND], test.per_person, seed=seed)
    notes = run.figures.get("notes") or {}
    figures = {name: figures_of(one, one["intervals_95"]) for name, one in run.models.items()}
    figures[PEER] = figures_of(test.means, {name: (test.low[name], test.high[name]) for name in REPORTED})
    result = {
        "run": run.name,
        "seed": run.seed,
        "test_period": notes.get("test", ""),
        "split": notes.get("split", ""),
        "people": {"validation": best.valid.people, "test": test.people},
        "training_events": len(learn),
        "products": products_of(holdout),
        "ials": {
            "implicit": version("implicit"),
            "settings": {**asdict(best.trial), "iterations": ITERATIONS},
            "chosen_by": f"{CHOSEN_BY} on validation",
            "validation": figures_of(
                best.valid.means, {name: (best.valid.low[name], best.valid.high[name]) for name in REPORTED}
            ),
            "fit_s": round(best.seconds, 1),
            "tried": rows,
        },
        "test": figures,
        "blend_minus_ials": {
            name: {key: round(value, 5) for key, value in asdict(differences[name]).items()}
            | {"clear": differences[name].clear}
            for name in REPORTED
        },
        "intervals_overlap": {
            name: overlap(figures[BLEND][f"{name}_95"], figures[PEER][f"{name}_95"]) for name in REPORTED
        },
    }
    return result, {name: drawable(test, one) for name, one in run.models.items()} | {PEER: replace(test, name=PEER)}


def newest(runs: Path) -> Run:
    """The newest training that finished, with the figures of every person. InputError when there is none."""
    for listed in list_runs(runs):
        run = listed.run
        if run is not None and run.finished and BLEND in run.models and BLEND in run.per_person():
            return run
    raise InputError(f"no training has finished in {runs.parent}; run: shoplens train --workspace {runs.parent}")


def split_of(workspace: Workspace, run: Run, settings: TrainSettings) -> Split:
    """The split of that training, from the store. InputError when the store holds other events by now."""
    store = open_store(workspace.database_url)
    try:
        interactions, _ = read_interactions(store, event_weights(settings.event_weights))
    finally:
        store.close()
    if not len(interactions) or fingerprint(interactions) != run.data_fingerprint:
        raise InputError(
            f"the store no longer holds the events that run {run.name} learnt from, so nothing can be judged beside "
            f"it; train again: shoplens train --workspace {workspace.root}"
        )
    return cut(interactions, settings)[0]


def choose(
    matrix: Matrix,
    valid: Holdout,
    sizes: Sequence[int],
    penalties: Sequence[float],
    weights: Sequence[float],
    seed: int,
) -> tuple[Tried, list[dict[str, Any]]]:
    """Best on validation, and a row for all that were tried.

    Every pair of alpha and regularization with the fewest factors; ten and a hundred times the largest regularization
    when that is the best; with the best pair all other numbers of factors; with the best of those the logarithm.
    Only the best model so far is kept in memory.
    """
    rows: list[dict[str, Any]] = []

    def best_of(trials: Sequence[Trial], so_far: Tried | None) -> Tried:
        for trial in trials:
            one = judged(matrix, valid, trial, seed)
            rows.append(one.row())
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            if so_far is None or one.quality > so_far.quality:
                so_far = one
        assert so_far is not None
        return so_far

    few = min(sizes)
    best = best_of([Trial(few, penalty, alpha) for alpha in weights for penalty in penalties], None)
    for _ in range(WIDER):
        if best.trial.regularization == max(row["regularization"] for row in rows):
            best = best_of([replace(best.trial, regularization=best.trial.regularization * 10)], best)
    best = best_of([replace(best.trial, factors=size) for size in sizes if size != few], best)
    return best_of([replace(best.trial, logarithm=True)], best), rows


def judged(matrix: Matrix, valid: Holdout, trial: Trial, seed: int) -> Tried:
    """Fit and judge on validation."""
    settings = {
        "factors": trial.factors,
        "regularization": trial.regularization,
        "alpha": trial.alpha,
        "iterations": ITERATIONS,
        "num_threads": 0,  # all cores
    }
    began = time.perf_counter()
    model = FoldedIALS(settings, logarithm=trial.logarithm).fit(matrix)
    seconds = time.perf_counter() - began
    try:
        return Tried(trial, model, evaluate(cast("Recommender", model), valid, seed=seed), seconds)
    except ValueError as error:
        if "regularization" not in str(error):
            raise
        return Tried(trial, None, None, seconds)  # too little regularization for its numbers: listed without a figure


def figures_of(means: Mapping[str, Any], bounds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Each metric, and its 95 % interval."""
    result: dict[str, Any] = {}
    for name in REPORTED:
        result[name] = round(means[name], 5)
        result[f"{name}_95"] = [round(bound, 5) for bound in bounds[name]]
    return result


def overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two intervals have a number in common."""
    return one[0] <= other[1] and other[0] <= one[1]


def products_of(holdout: Holdout) -> dict[str, int]:
    """Size of the catalogue that is ranked, and how much of it was sold in training."""
    return {"ranked": holdout.n_items, "with a training event": int((holdout.item_events > 0).sum())}


def drawable(like: Evaluation, kept: Mapping[str, Any]) -> Evaluation:
    """Kept figures of a model that was judged as `like` was, for `plot_metrics`, which reads means and intervals."""
    bounds = kept["intervals_95"]
    return replace(
        like,
        means={name: kept[name] for name in REPORTED},
        low={name: bounds[name][0] for name in REPORTED},
        high={name: bounds[name][1] for name in REPORTED},
    )


if __name__ == "__main__":
    main()
