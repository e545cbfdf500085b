"""The search: a study that can be stopped and gone on with, in this process or in several."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from shoplens.domain.dataset import TrainingData
from shoplens.domain.events import event_weights
from shoplens.errors import ConfigurationError, InputError
from shoplens.learning.holdout import Holdout
from shoplens.learning.model_settings import make_factories
from shoplens.learning.tune.findings import Tuned, conclude
from shoplens.learning.tune.setup import Setup, Weigh, ask
from shoplens.learning.tune.study import finished, open_storage, pruner, sampler
from shoplens.learning.tune.trial import DEFAULT, Task, run_trial
from shoplens.learning.tune.workers import Budget, run_workers


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a search is."""

    finished: int  # trials, those of earlier runs of the same study included
    wanted: int | None  # None: the time is the limit
    pruned: int
    best: float | None  # NDCG@20 on validation
    default: float | None  # of the settings in force


def tune(
    data: TrainingData,
    valid: Holdout,
    *,
    folder: Path,
    models: Sequence[str] = ("popularity", "item-knn", "linear", "fusion"),
    setup: Setup | None = None,
    weigh: Weigh | None = None,
    search: Sequence[str] = (),
    trials: int | None = 40,
    minutes: float | None = None,
    jobs: int = 1,
    storage: str | None = None,
    name: str = "shop",
    seed: int = 0,
    progress: Callable[[Standing], None] | None = None,
) -> Tuned:
    """Search settings of `models` that rank best on `valid`; with several, those that make the best blend.

    The first trial is `setup`, the settings in force, so that what is found is never worse on `valid`. A study of the
    same name, data and questions in `storage` (default: tune.sqlite beside `folder`) is gone on with, until `trials`
    are finished in all, or `minutes` have passed (a trial that is running then is finished). Ctrl-C ends the search
    and keeps what was found. With `jobs` above 1 trials run in that many processes, which share the cores. What was
    found is written to `folder`: best.toml, tune.json, trials.csv, trials.json, history.png, importance.png.

    `weigh`: how to weigh events otherwise; without it their weights are not searched.
    """
    if not len(valid):
        raise InputError("nobody is in the validation part, so there is nothing to choose on")
    if jobs < 1 or (trials is not None and trials < 1) or (minutes is not None and minutes <= 0):
        raise ConfigurationError("jobs and trials must be at least 1, and minutes above 0")
    if trials is None and minutes is None:
        raise ConfigurationError("say when to stop: a number of trials, of minutes, or both")
    setup = setup if setup is not None else Setup()
    make_factories(setup.tables, seed, tuple(models))  # a wrong setting is refused first
    event_weights(setup.event_weights)
    questions = ask(setup, models, data.interactions, weigh, search)
    key = _fingerprint(data, valid, setup, tuple(models), questions, seed)
    task = Task(data, valid, tuple(models), setup, questions, seed, folder / "people" / key, weigh)
    folder.mkdir(parents=True, exist_ok=True)
    url = storage or f"sqlite:///{folder.resolve().parent / 'tune.sqlite'}"
    began = time.monotonic()
    budget = Budget(trials, None if minutes is None else began + 60 * minutes)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with open_storage(url) as opened:
        study = optuna.create_study(
            study_name=f"{name}-{key}",
            storage=opened,
            direction="maximize",
            load_if_exists=True,
            sampler=sampler(seed, opened, f"{name}-{key}"),
            pruner=pruner(),
        )
        interrupted = _search(study, task, budget, url, jobs, _teller(study, trials, progress))
        return conclude(task, study, folder, interrupted=interrupted, seconds=time.monotonic() - began)


def _search(study: optuna.Study, task: Task, budget: Budget, url: str, jobs: int, tell: Callable[[], None]) -> bool:
    """Run trials within the budget; returns whether somebody pressed Ctrl-C."""
    tell()
    if not any(DEFAULT in one.user_attrs and one.state == TrialState.COMPLETE for one in study.get_trials()):
        study.enqueue_trial({one.name: one.values[0] for one in task.questions}, user_attrs={DEFAULT: True})
        study.optimize(lambda trial: run_trial(task, trial), n_trials=1)
        tell()
    left = None if budget.trials is None else budget.trials - len(finished(study))
    try:
        if jobs > 1:
            run_workers(task, url, study.study_name, jobs, Budget(left, budget.deadline), tell)
            return False
        while (left is None or left > 0) and not budget.over:
            study.optimize(lambda trial: run_trial(task, trial), n_trials=1)
            left = None if left is None else left - 1
            tell()
    except KeyboardInterrupt:
        return True
    return False


def _teller(study: optuna.Study, wanted: int | None, progress: Callable[[Standing], None] | None) -> Callable[[], None]:
    def tell() -> None:
        if progress is None:
            return
        known = finished(study)
        done = [one for one in known if one.state == TrialState.COMPLETE and one.value is not None]
        default = next((one.value for one in done if DEFAULT in one.user_attrs), None)
        best = max((one.value for one in done if one.value is not None), default=None)
        progress(Standing(len(known), wanted, len(known) - len(done), best, default))

    return tell


def _fingerprint(
    data: TrainingData,
    valid: Holdout,
    setup: Setup,
    models: tuple[str, ...],
    questions: Sequence[Any],
    seed: int,
) -> str:
    """Identity of a study: other data, settings in force or questions make another one."""
    log = data.interactions
    digest = hashlib.blake2b(digest_size=6)
    for array in (log.user, log.item, log.weight, log.timestamp, valid.user, valid.truth_item, valid.mask_item):
        digest.update(np.ascontiguousarray(array).data)
    for one in data.modalities:
        digest.update(f"{one.name} {one.values.shape} {math.fsum(one.values[:, 0])}".encode())
    tables: Mapping[str, Any] = {name: sorted(table.items()) for name, table in sorted(setup.tables.items())}
    weights = sorted(setup.event_weights.items())
    digest.update(repr((tables, setup.half_life_days, weights, models, questions, seed)).encode())
    return digest.hexdigest()
