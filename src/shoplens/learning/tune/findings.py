"""What a search found, what it is worth, and the files that keep it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import tomli_w
from optuna.trial import FrozenTrial, TrialState

from shoplens.learning.metrics.bootstrap import Difference, compare
from shoplens.learning.tune.setup import Setup
from shoplens.learning.tune.study import finished
from shoplens.learning.tune.trial import DEFAULT, METRIC, Scores, Task, figures

ENOUGH_FOR_IMPORTANCE = 8  # complete trials; with fewer the forest only sees noise


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best settings found on validation, and how sure it is that they are better than those in force."""

    setup: Setup
    folder: Path  # best.toml, tune.json, trials.csv, trials.json, history.png, importance.png
    study: str
    value: float  # NDCG@20 on validation
    default: float  # of the settings in force, the first trial
    trials: int  # finished, of all runs of the study
    pruned: int  # of those, stopped early
    people: int
    #: Best less default, on the people that the choice was made on: optimistic, because it is the best of many.
    gain: Difference
    #: The same for a choice that did not see them: chosen on one half of the people, measured on the other, both ways.
    #: None with fewer than two people.
    fresh: Difference | None
    importance: Mapping[str, float]  # fANOVA, sums to 1; empty with few trials
    interrupted: bool
    seconds: float  # of this run

    @property
    def improved(self) -> bool:
        """Whether anything better than the settings in force was found."""
        return self.value > self.default

    @property
    def advice(self) -> str:
        """What to make of it, in one or two sentences."""
        if not self.improved:
            return f"none of {self.trials} trials beat the settings in force: keep them"
        fresh = "" if self.fresh is None else f"; on people that the choice did not see: {_span(self.fresh)}"
        said = (
            f"{METRIC} {self.default:.4f} → {self.value:.4f} on validation, {_span(self.gain)}. The best of "
            f"{self.trials} trials on one validation set is optimistic{fresh}."
        )
        if self.fresh is None or self.fresh.low <= 0:
            said += " It is not clear that this is more than luck."
        return said

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "study": self.study,
            "metric": METRIC,
            "value": self.value,
            "default": self.default,
            "gain": _plain(self.gain),
            "fresh_half": None if self.fresh is None else _plain(self.fresh),
            "people": self.people,
            "trials": self.trials,
            "pruned": self.pruned,
            "importance": dict(self.importance),
            "train": {name: one for name, one in self.setup.as_train_table().items() if one is not None},
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 1),
            "advice": self.advice,
            "folder": str(self.folder),
        }


def conclude(task: Task, study: optuna.Study, folder: Path, *, interrupted: bool, seconds: float) -> Tuned:
    """Look at all finished trials and write the files. The trial of the settings in force must be complete."""
    known = finished(study)
    complete = [one for one in known if one.state == TrialState.COMPLETE]
    first = next(one for one in complete if DEFAULT in one.user_attrs)
    best = max(complete, key=lambda one: (_value(one), -one.number))  # of equals the first: the settings in force
    ours, theirs = figures(task, best, again=True), figures(task, first, again=True)
    assert ours is not None
    assert theirs is not None
    tuned = Tuned(
        setup=task.setup_of(best.params),
        folder=folder,
        study=study.study_name,
        value=_value(best),
        default=_value(first),
        trials=len(known),
        pruned=len(known) - len(complete),
        people=len(task.valid),
        gain=compare(ours, theirs, seed=task.seed),
        fresh=fresh_half([figures(task, one) for one in complete], theirs, seed=task.seed),
        importance=_importance(study, complete, task.seed),
        interrupted=interrupted,
        seconds=seconds,
    )
    _write(tuned, task, known)
    return tuned


def fresh_half(trials: Sequence[Scores | None], default: Scores, *, seed: int) -> Difference | None:
    """What choosing gains on people that it did not see: the trial that is best on one half, judged on the other.

    `trials`: figures of every person of each trial, None where they are not known here. Both ways, so that everybody
    is judged once.
    """
    if len(default) < 2:
        return None
    matrix = np.stack([one for one in trials if one is not None])
    first = np.random.default_rng([seed, 4]).permutation(len(default)) % 2 == 0
    chosen = np.empty(len(default))
    for half in (first, ~first):
        chosen[half] = matrix[matrix[:, ~half].mean(axis=1).argmax()][half]
    return compare(chosen, default, seed=seed)


def _importance(study: optuna.Study, complete: Sequence[FrozenTrial], seed: int) -> dict[str, float]:
    """Share of each setting in the spread of the trials (fANOVA: Hutter and others, 2014), largest first."""
    if len(complete) < ENOUGH_FOR_IMPORTANCE or len({_value(one) for one in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def _write(tuned: Tuned, task: Task, known: Sequence[FrozenTrial]) -> None:
    from shoplens.learning.tune.plots import plot_history, plot_importance  # matplotlib; workers draw nothing

    folder = tuned.folder
    train = {name: one for name, one in tuned.setup.as_train_table().items() if one is not None}
    head = f"# Found by shoplens tune on validation, study {tuned.study}.\n# {tuned.advice}\n"
    (folder / "best.toml").write_text(head + tomli_w.dumps({"train": train}), encoding="utf-8")
    (folder / "tune.json").write_text(json.dumps(tuned.as_dict(), indent=1), encoding="utf-8")
    rows = [_row(one, task) for one in known]
    (folder / "trials.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    with (folder / "trials.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    plot_history(folder / "history.png", [(one.number, one.value if _done(one) else None) for one in known], METRIC)
    if tuned.importance:
        plot_importance(folder / "importance.png", tuned.importance)


def _row(trial: FrozenTrial, task: Task) -> dict[str, Any]:
    """One line of the table of trials."""
    seconds = trial.duration.total_seconds() if trial.duration is not None else math.nan
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        METRIC: trial.value if _done(trial) else None,
        "seconds": round(seconds, 2),
        "in force": DEFAULT in trial.user_attrs,
        **{one.name: trial.params.get(one.name) for one in task.questions},
    }


def _done(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None  # complete trials have one
    return trial.value


def _span(one: Difference) -> str:
    return f"{one.mean:+.4f} [{one.low:+.4f} {one.high:+.4f}]"


def _plain(one: Difference) -> dict[str, float]:
    return {"mean": one.mean, "low": one.low, "high": one.high, "p_value": one.p_value}
