"""Tuning a shop: the validation period of its log, the settings in force, and a place for what is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.domain.dataset import Interactions, TrainingData
from shoplens.domain.events import EventType, EventWeights, event_weights
from shoplens.errors import InputError
from shoplens.learning.benchmark_data import read_benchmark
from shoplens.learning.holdout import Holdout, build_holdout
from shoplens.learning.split import Split
from shoplens.learning.tune import Setup, Standing, Tuned, tune
from shoplens.service.dataset import ShopLog, read_log
from shoplens.service.embedding import shop_modalities, shop_texts
from shoplens.service.settings import TrainSettings
from shoplens.service.training_events import cut, known_only
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

Tell = Callable[[Standing], None]


@dataclass(frozen=True, slots=True)
class ShopWeighing:
    """The training part of a shop's log with other weights; see `learning.tune.Weigh`."""

    log: ShopLog  # what happened before validation
    known: np.ndarray[Any, np.dtype[np.bool_]]  # [n_items] products with enough events to be learnt from
    train: Interactions  # with the weights in force
    valid: Interactions
    valid_cut: int  # microseconds
    repeat: bool

    def __call__(self, weights: EventWeights) -> tuple[Interactions, Holdout]:
        """See `Weigh`: histories and training events are weighed anew, truth and mask stay."""
        weighed = self.log.weighed(weights)
        holdout = build_holdout(
            self.valid,
            history=weighed,
            trained_on=self.train,
            mask=None if self.repeat else self.train,
            now=self.valid_cut,
        )
        return weighed.take(self.known[weighed.item]), holdout

    def kinds(self) -> Mapping[EventType, int]:
        """See `Weigh`."""
        return self.log.kinds()


def tune_shop(
    workspace: Workspace,
    store: Store,
    *,
    models: Sequence[str] = (),
    search: Sequence[str] = (),
    trials: int | None = 40,
    minutes: float | None = None,
    jobs: int = 1,
    storage: str | None = None,
    name: str = "shop",
    seed: int | None = None,
    apply: bool = False,
    progress: Tell | None = None,
) -> Tuned:
    """Search settings on the validation period of the shop's log, the one that `train_shop` chooses on.

    The test period is cut off first and never looked at. The study is kept in `storage`, by default the workspace's
    PostgreSQL, or runs/tune.sqlite. With `apply`, settings that are better than those in force are merged into
    shoplens.toml; the file as it was stays beside it. See `learning.tune.tune` for the rest.
    """
    settings = workspace.settings.train
    weights = event_weights(settings.event_weights)
    log, profiles = read_log(store, weights)
    interactions = log.weighed(weights)
    if not len(interactions):
        raise InputError("the store holds no events about products; take some in: shoplens ingest events FILE")
    split, _ = cut(interactions, settings)
    _keep_test_out(split)
    learn = known_only(split.train, settings.min_item_events)
    weigh = None
    if split.valid_cut is not None:
        counts = np.bincount(split.train.item, minlength=len(interactions.items))
        known = counts >= (settings.min_item_events if settings.min_item_events > 1 else 0)
        past = log.before(split.valid_cut)
        weigh = ShopWeighing(past, known, split.train, split.valid, split.valid_cut, settings.repeat)
    url, ids = workspace.database_url, interactions.items.ids
    found = tune(
        TrainingData(learn, shop_modalities(workspace, store, ids), profiles, shop_texts(store, ids)),
        split.valid_holdout(repeat=settings.repeat),
        folder=workspace.runs / f"tune-{name}",
        models=tuple(models) or settings.models,
        setup=_in_force(settings),
        weigh=weigh,
        search=search,
        trials=trials,
        minutes=minutes,
        jobs=jobs,
        storage=storage or (url if url.startswith("postgresql") else None),
        name=name,
        seed=settings.seed if seed is None else seed,
        progress=progress,
    )
    if apply and found.improved:
        workspace.merge({"train": found.setup.as_train_table()})
    return found


def tune_folder(
    data: Path,
    runs: Path,
    *,
    cache: Path,
    models: Sequence[str] = (),
    search: Sequence[str] = (),
    trials: int | None = 40,
    minutes: float | None = None,
    jobs: int = 1,
    storage: str | None = None,
    name: str | None = None,
    seed: int = 0,
    progress: Tell | None = None,
) -> Tuned:
    """Search settings on a benchmark folder: learn from train.csv, choose on valid.csv. No test file is opened."""
    benchmark = read_benchmark(data, cache=cache)
    called = name or benchmark.name
    return tune(
        benchmark.training(),
        benchmark.valid_holdout(),
        folder=runs / f"tune-{called}",
        models=tuple(models) or TrainSettings().models,
        search=search,
        trials=trials,
        minutes=minutes,
        jobs=jobs,
        storage=storage,
        name=called,
        seed=seed,
        progress=progress,
    )


def _in_force(settings: TrainSettings) -> Setup:
    return Setup(settings.tables, settings.half_life_days, settings.event_weights)


def _keep_test_out(split: Split) -> None:
    """The search gets train and valid; neither may reach into the test period."""
    if split.test_cut is None or split.valid_cut is None:
        return  # cut by position: the parts are disjoint, but there is no moment to compare with
    assert int(split.train.timestamp.max()) < split.valid_cut <= int(split.valid.timestamp.min())
    assert int(split.valid.timestamp.max()) < split.test_cut
