"""Learning: fit every model, judge each on validation, choose the blend, and fit the choice on everything if wanted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shoplens import registry
from shoplens.domain.dataset import TrainingData
from shoplens.errors import ConfigurationError, InputError
from shoplens.learning.choice import BLEND, Progress, Shop, choose_blend
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.holdout import Holdout
from shoplens.learning.memory import give_back
from shoplens.learning.model_settings import Table, make_factories
from shoplens.learning.ranking import CHOICES
from shoplens.learning.recency import fade
from shoplens.learning.resume import Resume
from shoplens.models.base import Recommender

__all__ = [
    "BLEND",
    "MODELS",
    "Factory",
    "Plan",
    "Progress",
    "Trained",
    "Watch",
    "fit_again",
    "fit_plan",
    "plan_again",
    "train",
]

MODELS = ("popularity", "item-knn", "linear", "fusion")

Factory = Callable[[], Recommender]
Watch = Callable[[str, int, int, Mapping[str, float]], None]  # model, epoch from 1, epochs, entry of its curve


@dataclass(frozen=True, slots=True)
class Trained:
    """Fitted models, the blend of them, and what validation said. Names: those asked for, and "blend"."""

    models: Mapping[str, Recommender]  # every single model, also those that the blend leaves out
    blend: Recommender
    weights: Mapping[str, float]  # of the blend; they sum to 1, 0 = left out
    valid: Mapping[str, Evaluation]  # with "blend": cross-fitted, see `train`
    best: str  # the name with the highest NDCG on validation, at the largest K
    train_seconds: Mapping[str, float]  # with "blend": all that it is made of
    curves: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)  # models that learn in epochs
    seed: int = 0
    refitted: bool = False  # whether the models were fitted again on more than the training part
    makers: Mapping[str, Factory] = field(default_factory=dict)  # how each model was made
    half_life_days: float | None = None  # of the training events
    offset: float = 0.0  # of products without sales in the blend, see `learning.newcomers`
    trees: str | None = None  # that order what the blend puts first, see `learning.ranking`; None: the weights alone do

    def recommender(self, name: str) -> Recommender:
        """The single model of that name, or the blend."""
        return self.blend if name == BLEND else self.models[name]


def train(
    data: TrainingData,
    valid: Holdout,
    *,
    models: Sequence[str] = MODELS,
    seed: int = 0,
    ks: Sequence[int] = (10, 20),
    factories: Mapping[str, Factory] | None = None,
    settings: Mapping[str, Table] | None = None,
    half_life_days: float | None = None,
    newcomers: float | None = None,
    ranker: str = "auto",
    resume: Resume | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Fit `models` (registry names) on `data` and choose on `valid`.

    The weights that are kept were chosen on all validation people. The blend's validation figures are honest all the
    same: they are cross-fitted over two halves of the people, each half scored with the weights chosen on the other.
    `settings` are tables of model settings by model name, as in shoplens.toml; `factories` makes models of your own,
    by name. `half_life_days`: see `recency.fade`. `newcomers` is the share of the places that products without sales
    get, None for a fair one, see `learning.newcomers`. `ranker` says whether trees order what the blend puts first, see
    `learning.ranking`: "on", "off", or "auto" for when that is better for people and products they did not learn from.
    With `resume`, a training that was killed goes on where it was, given the same arguments. `watch` sees every epoch
    and may raise. `fit_again` follows when more may be learnt from than was trained on.
    """
    if not models:
        raise InputError(f"name at least one model to train; known: {', '.join(registry.names('models'))}")
    if ranker not in CHOICES:
        raise ConfigurationError(f"ranker is {ranker!r}; write one of {', '.join(CHOICES)}")
    if newcomers is not None and not 0 <= newcomers <= 1:
        raise ConfigurationError(f"newcomers is {newcomers}; write a share of the places from 0 to 1")
    if not len(data.interactions):
        raise InputError("there are no events to learn from; ingest an event log first")
    report = progress if progress is not None else _silent
    makers = _makers(models, seed, factories or {}, settings or {})
    fitted, seconds = _fit(makers, _faded(data, half_life_days), report, resume=resume, watch=watch)
    curves = {name: list(getattr(model, "history", ())) for name, model in fitted.items()}
    judged: dict[str, Evaluation] = {}
    for name, model in fitted.items():
        judged[name] = evaluate(model, valid, ks, seed=seed, progress=_stage(report, f"validate {name}"))
    depth = max(ks)
    shop = Shop.of(fitted, data.interactions, seed=seed, depth=depth, newcomers=newcomers)
    chosen = choose_blend(shop, valid, ks, ranker=ranker, report=report)
    judged[BLEND] = chosen.figures
    seconds[BLEND] = sum(seconds[name] for name in chosen.blend.models)
    best = max(judged, key=lambda name: _known(judged[name].means[f"ndcg@{depth}"]))
    return Trained(
        models=fitted,
        blend=chosen.blend,
        weights=chosen.weights,
        valid=judged,
        best=best if len(valid) else BLEND,
        train_seconds=seconds,
        curves={name: curve for name, curve in curves.items() if curve},
        seed=seed,
        makers=makers,
        half_life_days=half_life_days,
        offset=chosen.offset,
        trees=chosen.trees,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """How to fit what was chosen on more data. Holds nothing fitted, so that the models of before can be let go."""

    makers: Mapping[str, Factory]
    weights: Mapping[str, float]
    seed: int
    half_life_days: float | None = None
    offset: float = 0.0
    trees: str | None = None


def plan_again(trained: Trained, factories: Mapping[str, Factory] | None = None) -> Plan:
    """The same models, settings and blend weights.

    A model that chooses settings of its own while it fits offers `again()`: an unfitted one with what it chose.
    """
    makers: dict[str, Factory] = {}
    for name, model in trained.models.items():
        again = getattr(model, "again", None)
        makers[name] = _given(again()) if again is not None else (factories or {}).get(name, trained.makers[name])
    return Plan(makers, dict(trained.weights), trained.seed, trained.half_life_days, trained.offset, trained.trees)


def fit_plan(
    plan: Plan, data: TrainingData, *, resume: Resume | None = None, progress: Progress | None = None
) -> tuple[dict[str, Recommender], Recommender]:
    """Every single model fitted on `data`, and the blend of them."""
    report = progress if progress is not None else _silent
    fitted, _ = _fit(plan.makers, _faded(data, plan.half_life_days), report, resume=resume, again=True)
    shop = Shop.of(fitted, data.interactions, seed=plan.seed)
    return fitted, shop.blend(plan.weights, plan.offset, plan.trees)


def fit_again(
    trained: Trained,
    data: TrainingData,
    *,
    factories: Mapping[str, Factory] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """The same models, settings and blend weights, fitted on more data (train and valid, say); figures stay."""
    models, blend = fit_plan(plan_again(trained, factories), data, progress=progress)
    return replace(trained, models=models, blend=blend, refitted=True)


def _fit(
    makers: Mapping[str, Factory],
    data: TrainingData,
    report: Progress,
    *,
    resume: Resume | None = None,
    again: bool = False,
    watch: Watch | None = None,
) -> tuple[dict[str, Recommender], dict[str, float]]:
    """Fitted models and the seconds that each took."""
    stage = "again" if again else "choose"
    fitted: dict[str, Recommender] = {}
    seconds: dict[str, float] = {}
    for name, make in makers.items():
        label = f"fit {name} again" if again else f"fit {name}"
        model = make()
        kept = resume.fitted(stage, name, model) if resume is not None else None
        if kept is not None:
            fitted[name], seconds[name] = kept
            report(f"{label}: taken from the training that was stopped", 1, 1)
            continue
        report(label, 0, 1)
        watched = getattr(model, "progress", ...) is None  # models that learn in epochs tell how far they are
        if watched:
            model.progress = _epochs(report, label, name, watch)  # type: ignore[attr-defined]
        keeps = resume is not None and getattr(model, "checkpoint", ...) is None
        if keeps and resume is not None:
            model.checkpoint = resume.checkpoint(stage, name)  # type: ignore[attr-defined]
        began = time.perf_counter()
        fitted[name] = model.fit(data)
        seconds[name] = time.perf_counter() - began
        give_back()
        if watched:
            model.progress = None  # type: ignore[attr-defined]
        if keeps:
            model.checkpoint = None  # type: ignore[attr-defined]
        if resume is not None:
            resume.keep(stage, name, fitted[name], seconds[name])
        report(label, 1, 1)
    return fitted, seconds


def _faded(data: TrainingData, half_life_days: float | None) -> TrainingData:
    return replace(data, interactions=fade(data.interactions, half_life_days))


def _makers(
    models: Sequence[str], seed: int, factories: Mapping[str, Factory], settings: Mapping[str, Table]
) -> dict[str, Factory]:
    """How to make each unfitted model: as given, or from the registry with its settings."""
    named = tuple(name for name in models if name not in factories)
    known = {**make_factories(settings, seed, named), **factories}
    return {name: known[name] for name in dict.fromkeys(models)}


def _given(model: Recommender) -> Factory:
    return lambda: model


def _stage(report: Progress, label: str) -> Callable[[int, int], None]:
    return lambda done, total: report(label, done, total)


def _epochs(
    report: Progress, label: str, name: str, watch: Watch | None
) -> Callable[[int, int, Mapping[str, float]], None]:
    """Tells each epoch; when the first one told is not the first of all, that a stopped training goes on."""
    told: list[str] = []

    def tell(epoch: int, epochs: int, entry: Mapping[str, float]) -> None:
        if not told:
            told.append(label if epoch == 1 else f"{label}: goes on at epoch {epoch}, where it was stopped")
        report(told[0], epoch, epochs)
        if watch is not None:
            watch(name, epoch, epochs, entry)

    return tell


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody is watching."""


def _known(value: float) -> float:
    return -1.0 if math.isnan(value) else value
