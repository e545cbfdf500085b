"""From the store to a promoted bundle: split, fit, choose on validation, test once, fit on everything, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shoplens.domain.dataset import Modality, TrainingData
from shoplens.domain.events import event_weights
from shoplens.errors import InputError
from shoplens.learning.calibration import Reliability, calibrate, measure
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.memory import give_back
from shoplens.learning.model_settings import make_factories
from shoplens.learning.profile.plots import drawings_of
from shoplens.learning.resume import Resume
from shoplens.learning.runs.record import write_run
from shoplens.learning.split import Split
from shoplens.learning.train import BLEND, Plan, Trained, fit_plan, plan_again, train
from shoplens.models.calibration import Calibration
from shoplens.service import journal
from shoplens.service.alignment import Aligned, align_shop
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import promote
from shoplens.service.cart_training import TrainedCart, train_cart
from shoplens.service.dataset import read_log
from shoplens.service.embedding import shop_modalities, shop_texts
from shoplens.service.encoders import MODALITIES, version_of
from shoplens.service.profile_training import TrainedProfiles, train_profiles
from shoplens.service.recognition import Recognised, learn_recogniser
from shoplens.service.settings import TrainSettings
from shoplens.service.training_events import cut, fingerprint, known_only
from shoplens.service.training_facts import facts_of, looks_before, told_looks, what_counts
from shoplens.service.unfinished import content_fingerprint, kept_from, training_alone
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much


@dataclass(frozen=True, slots=True)
class Training:
    """What one training did."""

    version: str  # of the bundle
    report: Path  # folder with metrics.json, plots and report.html
    best: str  # highest NDCG@20 on validation
    weights: Mapping[str, float]  # of the blend that ships
    valid: Mapping[str, Evaluation]
    test: Mapping[str, Evaluation]
    alignment: Aligned  # of words and photos
    recognised: Recognised  # products in customers' photos
    seconds: Mapping[str, float]  # by stage


def train_shop(
    workspace: Workspace,
    store: Store,
    *,
    models: Sequence[str] = (),
    seed: int | None = None,
    before: int | None = None,
    ship: bool = True,
    alone: bool = False,
    progress: Progress | None = None,
) -> Training:
    """Train on everything in the store, or on what happened before a time (microseconds), and let the result answer
    from now on; not `ship`: only write it down.

    Choices (the weights of the blend, when to stop) see validation only. The test period is scored once, by models that
    learnt from the training part, with histories up to the test. What ships is fitted again on all events with the
    settings chosen. A training that was killed goes on where it was when it is started again on the same events with
    the same settings. InputError when there are no events to learn from; what photos and texts teach is learnt before.
    ConflictError while another process trains here, unless the caller holds `training_alone` and says so (`alone`).
    """
    settings = workspace.settings.train
    chosen, seed = tuple(models) or settings.models, settings.seed if seed is None else seed
    if "popularity" not in chosen:
        chosen = ("popularity", *chosen)  # a table without the baseline says nothing
    make_factories(settings.tables, seed, chosen)  # a wrong setting is refused before hours are spent
    with nullcontext() if alone else training_alone(workspace.runs):
        return _trained(workspace, store, chosen, seed, before, ship=ship, tell=progress or _silent)


def _trained(
    workspace: Workspace,
    store: Store,
    chosen: tuple[str, ...],
    seed: int,
    before: int | None,
    *,
    ship: bool,
    tell: Progress,
) -> Training:
    settings, clock = workspace.settings.train, _Clock()
    tell("read the store", 0, 1)
    weights = event_weights(settings.event_weights)
    log, profiles = read_log(store, weights, money=True)
    if before is not None:
        log = log.before(before)
    interactions = log.weighed(weights)
    if not len(interactions):
        told = _learn_catalogue(workspace, store, seed, tell)
        raise InputError(
            f"the store holds no events about products; take some in: shoplens ingest events FILE. Without them: {told}"
        )
    modalities = shop_modalities(workspace, store, interactions.items.ids)
    data = TrainingData(interactions, modalities, profiles, shop_texts(store, interactions.items.ids))
    tell("read the store", 1, 1)
    clock.stop("read")
    what = [fingerprint(interactions), content_fingerprint(data), settings.model_dump_json(), *chosen, str(seed)]
    resume = kept_from(workspace.runs, what, tell)
    aligned = Aligned("words and photos are not compared: train.align is off")
    if settings.align:
        aligned = align_shop(workspace, store, seed=seed, progress=tell)
    clock.stop("align words and photos")
    recognised = learn_recogniser(workspace, store, seed=seed, progress=tell)
    clock.stop("learn to recognise products")
    cart = train_cart(store, log, valid_days=settings.valid_days, seed=seed, progress=tell)
    clock.stop("learn carts")
    people = train_profiles(workspace, store, log, weights, seed=seed, progress=tell)
    counts = what_counts(log.kinds(), weights)
    del log
    clock.stop("learn profiles")
    beside = _Beside(aligned, recognised, cart, people)
    return _Course(workspace, data, chosen, seed, beside, resume, tell, clock, counts).run(ship=ship)


def _learn_catalogue(workspace: Workspace, store: Store, seed: int, tell: Progress) -> str:
    """What photos and texts teach without events; it answers from now on. Returns what became of it."""
    found = [learn_recogniser(workspace, store, seed=seed, progress=tell).told]
    if workspace.settings.train.align:
        found.insert(0, align_shop(workspace, store, seed=seed, progress=tell).told)
    return "; ".join(found)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What was learnt beside the models that rank."""

    aligned: Aligned
    recognised: Recognised
    cart: TrainedCart
    people: TrainedProfiles


@dataclass(frozen=True, slots=True)
class _Judged:
    """Models that were chosen and tested: all that the report and the bundle tell of them, not the models."""

    plan: Plan
    best: str
    valid: Mapping[str, Evaluation]
    test: Mapping[str, Evaluation]
    figures: Mapping[str, Any]
    calibration: Calibration | None
    facts: Mapping[str, Any]
    run: Path


@dataclass(frozen=True, slots=True)
class _Course:
    """One training, see `train_shop`; `data`: everything in the store."""

    workspace: Workspace
    data: TrainingData
    chosen: tuple[str, ...]
    seed: int
    beside: _Beside
    resume: Resume
    tell: Progress
    clock: _Clock
    counts: str  # see `what_counts`

    def run(self, *, ship: bool) -> Training:
        """Choose and test on a part of the data, then fit on all of it and write the bundle."""
        judged = self._judged()
        give_back()  # the models of before weigh as much as those to come
        version = self._written(judged)
        if ship:
            before = promote(self.workspace.bundles, version)
            journal.note_by_hand(self.workspace.bundles, "promoted", version, before, "trained on demand")
        self.tell("write the bundle", 1, 1)
        self.resume.finish()
        self.clock.stop("bundle")
        return Training(
            version,
            judged.run,
            judged.best,
            judged.plan.weights,
            judged.valid,
            judged.test,
            self.beside.aligned,
            self.beside.recognised,
            self.clock.seconds,
        )

    @property
    def _settings(self) -> TrainSettings:
        return self.workspace.settings.train

    def _judged(self) -> _Judged:
        settings, interactions = self._settings, self.data.interactions
        split, note = cut(interactions, settings)
        trained = train(
            replace(self.data, interactions=known_only(split.train, settings.min_item_events)),
            split.valid_holdout(repeat=settings.repeat),
            models=self.chosen,
            seed=self.seed,
            settings=settings.tables,
            half_life_days=settings.half_life_days,
            newcomers=settings.newcomers,
            ranker=settings.ranker,
            resume=self.resume,
            progress=self.tell,
        )
        self.clock.stop("fit and choose")
        test = score_test(trained, split, repeat=settings.repeat, progress=self.tell)
        self.clock.stop("test")
        calibration, reliability = probabilities(trained, split, repeat=settings.repeat, progress=self.tell)
        self.clock.stop("calibrate")
        facts = facts_of(self.data, split, note)
        facts |= {"a product counts when": self.counts}
        facts |= {"this test was scored before": told_looks(looks_before(self.workspace.runs, test))}
        facts |= {"words and photos": self.beside.aligned.told, "photos to products": self.beside.recognised.told}
        run = self._reported(trained, test, reliability, facts)
        self.clock.stop("report")
        figures = _figures(trained, test)
        return _Judged(plan_again(trained), trained.best, trained.valid, test, figures, calibration, facts, run)

    def _reported(
        self,
        trained: Trained,
        test: Mapping[str, Evaluation],
        reliability: Mapping[str, Reliability],
        facts: Mapping[str, Any],
    ) -> Path:
        """The folder of the run that was written."""
        folder = self.workspace.runs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        write_run(
            folder,
            test,
            config=self._settings.model_dump(mode="json") | {"models": self.chosen},
            data_fingerprint=fingerprint(self.data.interactions),
            seed=self.seed,
            title=f"Test: {facts['test']}",
            best=trained.best,
            weights=trained.weights,
            train_seconds=trained.train_seconds,
            curves=trained.curves,
            notes=facts,
            reliability=reliability,
            drawings=drawings_of(self.beside.people.figures),
        )
        return folder

    def _written(self, judged: _Judged) -> str:
        """Fit again on everything; the version of the bundle that holds it."""
        interactions, modalities = self.data.interactions, self.data.modalities
        everything = known_only(interactions, self._settings.min_item_events)
        again = replace(self.data, interactions=everything)
        fitted, blend = fit_plan(judged.plan, again, resume=self.resume, progress=self.tell)
        self.clock.stop("fit again on everything")
        self.tell("write the bundle", 0, 1)
        beside = self.beside
        weights = event_weights(self._settings.event_weights)
        bundle = write_bundle(
            self.workspace.bundles,
            items=interactions.items,
            models={**fitted, BLEND: blend},
            shipped=BLEND,
            modalities=modalities,
            people=interactions.users,
            metrics=judged.figures,
            calibration=judged.calibration,
            alignment=beside.aligned.folder,
            recogniser=beside.recognised.folder,
            cart=beside.cart.model,
            profile=beside.people.model,
            extra={
                "data_fingerprint": fingerprint(interactions),
                "last_event": int(interactions.timestamp.max()),
                "encoders": _encoder_versions(self.workspace, modalities),
                "event_weights": {name.value: one for name, one in weights.items()},
                "facts": judged.facts,
                "run": judged.run.name,
                "seed": self.seed,
                "alignment": beside.aligned.as_dict(),
                "recogniser": beside.recognised.as_dict(),
                "cart": dict(beside.cart.figures),
                "profiles": dict(beside.people.figures),
            },
            seed=self.seed,
        )
        return bundle.name


def score_test(
    trained: Trained, split: Split, *, repeat: bool, progress: Progress | None = None
) -> dict[str, Evaluation]:
    """Score every model and the blend on the test part; histories run up to its beginning."""
    tell = progress or _silent
    holdout = split.test_holdout(repeat=repeat, trained_on=split.train)
    result: dict[str, Evaluation] = {}
    for name in (*trained.models, BLEND):
        result[name] = evaluate(
            trained.recommender(name),
            holdout,
            seed=trained.seed,
            progress=lambda done, total, name=name: tell(f"test {name}", done, total),  # type: ignore[misc]
        )
    return result


def probabilities(
    trained: Trained, split: Split, *, repeat: bool, progress: Progress | None = None
) -> tuple[Calibration | None, dict[str, Reliability]]:
    """The blend's scores as probabilities, fitted on validation, and how far they can be believed there and on the
    test. The test is later and may be of another length, so that its line may lie above or below."""
    tell = progress or _silent
    holdout = split.valid_holdout(repeat=repeat)
    found = calibrate(
        trained.blend, holdout, seed=trained.seed, progress=lambda done, total: tell("calibrate", done, total)
    )
    if found is None:
        return None, {}
    reliability = {"validation, cross-fitted": found.reliability}
    later = measure(
        found.calibration,
        trained.blend,
        split.test_holdout(repeat=repeat, trained_on=split.train),
        seed=trained.seed,
        progress=lambda done, total: tell("test the calibration", done, total),
    )
    return found.calibration, reliability if later is None else reliability | {"test": later}


def _encoder_versions(workspace: Workspace, modalities: Sequence[Modality]) -> dict[str, str]:
    """Which encoder made the vectors of each modality that has one."""
    return {one.name: version_of(workspace, one.name) for one in modalities if one.name in MODALITIES}


def _figures(trained: Trained, test: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Metrics for the manifest."""
    return {
        "best_on_validation": trained.best,
        "weights": dict(trained.weights),
        "valid": {name: one.as_dict() for name, one in trained.valid.items()},
        "test": {name: one.as_dict() for name, one in test.items()},
        "train_seconds": dict(trained.train_seconds),
    }


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def stop(self, stage: str) -> None:
        """The stage ends now; the next one begins."""
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._began, 2)
        self._began = now


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody is watching."""
