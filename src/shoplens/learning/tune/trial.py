"""One trial: fit with a setup, rank the validation people, and stop early where the curve says that it is no use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna

from shoplens.domain.dataset import TrainingData
from shoplens.domain.events import event_weights
from shoplens.learning.evaluate import evaluate
from shoplens.learning.holdout import Holdout
from shoplens.learning.memory import give_back
from shoplens.learning.model_settings import make_factories
from shoplens.learning.recency import fade
from shoplens.learning.train import BLEND, train
from shoplens.learning.tune.setup import Question, Setup, Weigh

METRIC, K = "ndcg@20", 20
DEFAULT = "default"  # user attribute of the trial of the settings in force
STEPS = 10  # points of a learning curve at which trials are compared: tenths of the epochs, whatever their number

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """What every trial shares; can be pickled."""

    data: TrainingData
    valid: Holdout
    models: tuple[str, ...]
    setup: Setup  # in force
    questions: tuple[Question, ...]
    seed: int
    folder: Path  # of the figures of every person, one file a trial
    weigh: Weigh | None = None

    def setup_of(self, answers: Mapping[str, Any]) -> Setup:
        """The setup of a trial with these parameters."""
        return self.setup.with_answers(
            {one.name: answers[one.name] for one in self.questions if answers[one.name] != one.values[0]}
        )


def run_trial(task: Task, trial: optuna.Trial) -> float:
    """Mean NDCG@20 of the validation people; raises TrialPruned for a curve below the median of the others."""
    answers = {one.name: trial.suggest_categorical(one.name, one.values) for one in task.questions}
    reported: set[int] = set()
    watched = _watched(task.models)

    def watch(model: str, epoch: int, epochs: int, entry: Mapping[str, float]) -> None:
        value, step = entry.get("valid_ndcg", float("nan")), STEPS * epoch // epochs
        if model != watched or step in reported or not np.isfinite(value):
            return
        reported.add(step)
        trial.report(value, step)
        if DEFAULT not in trial.user_attrs and trial.should_prune():
            raise optuna.TrialPruned

    people = measure(task, task.setup_of(answers), watch)
    keep(task, trial.number, people)
    return float(people.mean())


def measure(task: Task, setup: Setup, watch: Callable[..., None] | None = None) -> Scores:
    """NDCG@20 of each validation person: of the single model, or of the blend with weights chosen on the other half."""
    data, valid = task.data, task.valid
    if task.weigh is not None and setup.event_weights != task.setup.event_weights:
        interactions, valid = task.weigh(event_weights(setup.event_weights))
        data = replace(data, interactions=interactions)
    if len(task.models) > 1:
        trained = train(
            data,
            valid,
            models=task.models,
            seed=task.seed,
            ks=(K,),
            settings=setup.tables,
            half_life_days=setup.half_life_days,
            ranker="off",  # trees would double the time of a trial, and follow what the members can do anyway
            watch=watch,
        )
        return trained.valid[BLEND].per_person[METRIC]
    name = task.models[0]
    model: Any = make_factories(setup.tables, task.seed, task.models)[name]()
    if watch is not None and getattr(model, "progress", ...) is None:
        model.progress = lambda epoch, epochs, entry: watch(name, epoch, epochs, entry)
    model.fit(replace(data, interactions=fade(data.interactions, setup.half_life_days)))
    judged = evaluate(model, valid, (K,), resamples=1).per_person[METRIC]
    del model
    give_back()
    return judged


def keep(task: Task, number: int, people: Scores) -> None:
    """Write the figures of every person, for comparisons on the same people."""
    task.folder.mkdir(parents=True, exist_ok=True)
    np.save(task.folder / f"{number:05}.npy", people.astype(np.float32), allow_pickle=False)


def figures(task: Task, trial: optuna.trial.FrozenTrial, *, again: bool = False) -> Scores | None:
    """What `keep` wrote; without it (a study shared with another machine) None, or with `again` measured once more."""
    path = task.folder / f"{trial.number:05}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False).astype(np.float64)  # type: ignore[no-any-return]
    if not again:
        return None
    people = measure(task, task.setup_of(trial.params))
    keep(task, trial.number, people)
    return people


def _watched(models: tuple[str, ...]) -> str:
    """The model whose learning curve decides: the network, which takes the time; the others have none."""
    return "fusion" if "fusion" in models else models[-1]
