"""From the store to a promoted bundle: split, fit, choose on validation, test once, fit on everything, write."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.domain.dataset import Interactions, Modality, Profiles, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY, event_weights
from shoplens.errors import InputError
from shoplens.learning.calibration import Reliability, calibrate, measure
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.memory import give_back
from shoplens.learning.model_settings import make_factories
from shoplens.learning.profile.plots import drawings_of
from shoplens.learning.runs.record import write_run
from shoplens.learning.split import LeakageWarning, Split, leave_last_out, temporal_split
from shoplens.learning.train import BLEND, Trained, fit_plan, plan_again, train
from shoplens.models.base import Recommender
from shoplens.models.calibration import Calibration
from shoplens.models.cart import CartModel
from shoplens.models.profile import ProfileModel
from shoplens.service.alignment import Aligned, align_shop
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import promote
from shoplens.service.cart_training import TrainedCart, train_cart
from shoplens.service.dataset import read_log
from shoplens.service.embedding import shop_modalities, shop_texts
from shoplens.service.encoders import MODALITIES, version_of
from shoplens.service.profile_training import TrainedProfiles, train_profiles
from shoplens.service.settings import TrainSettings, Workspace
from shoplens.service.unfinished import Claimed, claim, content_fingerprint
from shoplens.store.base import Store

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much
LEAST_SHARE = 0.005  # of the events that validation, and test, must each hold to say anything
LARGEST_SHARE = 0.2  # of the log that validation, and test, may each take: a short log keeps 60 % to learn from


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
    seconds: Mapping[str, float]  # by stage


def train_shop(
    workspace: Workspace,
    store: Store,
    *,
    models: Sequence[str] = (),
    seed: int | None = None,
    before: int | None = None,
    ship: bool = True,
    progress: Progress | None = None,
) -> Training:
    """Train on everything in the store, or on what happened before a time (microseconds), and let the result answer
    from now on; not `ship`: only write it down.

    Choices (the weights of the blend, when to stop) see validation only. The test period is scored once, by models that
    learnt from the training part, with histories up to the test. What ships is fitted again on all events with the
    settings chosen. A training that was killed goes on where it was when it is started again on the same events with
    the same settings. InputError when there is nothing to learn from.
    """
    settings = workspace.settings.train
    chosen, seed = tuple(models) or settings.models, settings.seed if seed is None else seed
    if "popularity" not in chosen:
        chosen = ("popularity", *chosen)  # a table without the baseline says nothing
    make_factories(settings.tables, seed, chosen)  # a wrong setting is refused before hours are spent
    tell = progress or _silent
    clock = _Clock()
    tell("read the store", 0, 1)
    weights = event_weights(settings.event_weights)
    log, profiles = read_log(store, weights, money=True)
    if before is not None:
        log = log.before(before)
    interactions = log.weighed(weights)
    if not len(interactions):
        raise InputError("the store holds no events about products; take some in: shoplens ingest events FILE")
    modalities = shop_modalities(workspace, store, interactions.items.ids)
    data = TrainingData(interactions, modalities, profiles, shop_texts(store, interactions.items.ids))
    tell("read the store", 1, 1)
    clock.stop("read")
    what = [fingerprint(interactions), content_fingerprint(data), settings.model_dump_json(), *chosen, str(seed)]
    resume = claim(workspace.runs, what, tell)
    try:
        aligned = Aligned("words and photos are not compared: train.align is off")
        if settings.align:
            aligned = align_shop(workspace, store, seed=seed, progress=tell)
        clock.stop("align words and photos")
        cart = train_cart(store, log, valid_days=settings.valid_days, seed=seed, progress=tell)
        clock.stop("learn carts")
        people = train_profiles(workspace, store, log, weights, seed=seed, progress=tell)
        del log
        clock.stop("learn profiles")
        return _train(workspace, data, chosen, seed, aligned, cart, people, resume, tell, clock, ship=ship)
    finally:
        if resume is not None:
            resume.release()


def _train(
    workspace: Workspace,
    data: TrainingData,
    chosen: tuple[str, ...],
    seed: int,
    aligned: Aligned,
    cart: TrainedCart,
    people: TrainedProfiles,
    resume: Claimed | None,
    tell: Progress,
    clock: _Clock,
    *,
    ship: bool,
) -> Training:
    """See `train_shop`; `data`: everything in the store."""
    settings, interactions, modalities = workspace.settings.train, data.interactions, data.modalities
    split, note = cut(interactions, settings)
    learn = known_only(split.train, settings.min_item_events)
    trained = train(
        replace(data, interactions=learn),
        split.valid_holdout(repeat=settings.repeat),
        models=chosen,
        seed=seed,
        settings=settings.tables,
        half_life_days=settings.half_life_days,
        newcomers=settings.newcomers,
        ranker=settings.ranker,
        resume=resume,
        progress=tell,
    )
    clock.stop("fit and choose")
    test = score_test(trained, split, repeat=settings.repeat, progress=tell)
    clock.stop("test")
    calibration, reliability = probabilities(trained, split, repeat=settings.repeat, progress=tell)
    clock.stop("calibrate")
    folder = workspace.runs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    facts = _facts(interactions, modalities, data.profiles, split, note) | {"words and photos": aligned.told}
    write_run(
        folder,
        test,
        config=settings.model_dump(mode="json") | {"models": chosen},
        data_fingerprint=fingerprint(interactions),
        seed=seed,
        title=f"Test: {facts['test']}",
        best=trained.best,
        weights=trained.weights,
        train_seconds=trained.train_seconds,
        curves=trained.curves,
        notes=facts,
        reliability=reliability,
        drawings=drawings_of(people.figures),
    )
    clock.stop("report")
    figures, plan = _figures(trained, test), plan_again(trained)
    chosen_best, valid = trained.best, trained.valid
    del trained, split, learn  # frees the models of before, which weigh as much as those to come
    give_back()
    everything = known_only(interactions, settings.min_item_events)
    fitted, blend = fit_plan(plan, replace(data, interactions=everything), resume=resume, progress=tell)
    clock.stop("fit again on everything")
    tell("write the bundle", 0, 1)
    extra = {
        "encoders": _encoder_versions(workspace, modalities),
        "event_weights": {name.value: one for name, one in event_weights(settings.event_weights).items()},
        "facts": facts,
        "run": folder.name,
        "seed": seed,
        "alignment": aligned.as_dict(),
        "cart": dict(cart.figures),
        "profiles": dict(people.figures),
    }
    models = {**fitted, BLEND: blend}
    version = _write(
        workspace.bundles,
        models,
        interactions,
        modalities,
        figures,
        extra,
        calibration,
        aligned.folder,
        cart.model,
        people.model,
    )
    if ship:
        promote(workspace.bundles, version)
    tell("write the bundle", 1, 1)
    if resume is not None:
        resume.finish()
    clock.stop("bundle")
    return Training(version, folder, chosen_best, plan.weights, valid, test, aligned, clock.seconds)


def _write(
    bundles: Path,
    models: Mapping[str, Recommender],
    interactions: Interactions,
    modalities: tuple[Modality, ...],
    metrics: Mapping[str, Any],
    extra: Mapping[str, Any],
    calibration: Calibration | None,
    alignment: Path | None,
    cart: CartModel | None,
    profile: ProfileModel | None,
) -> str:
    """Write the bundle and return its version."""
    bundle = write_bundle(
        bundles,
        items=interactions.items,
        models=models,
        shipped=BLEND,
        modalities=modalities,
        people=interactions.users,
        metrics=metrics,
        calibration=calibration,
        alignment=alignment,
        cart=cart,
        profile=profile,
        extra={
            "data_fingerprint": fingerprint(interactions),
            "last_event": int(interactions.timestamp.max()),
            **extra,
        },
        seed=extra["seed"],
    )
    return bundle.name


def cut(interactions: Interactions, settings: TrainSettings) -> tuple[Split, str]:
    """The split that the log allows, and a sentence about it.

    In time, by the days in the settings, or fewer when the log is short. Where so few events lie in those days that
    they say nothing (a log that paused and was taken up again), by the days that hold the last fifth of the events. A
    log without times is cut by position.
    """
    if interactions.timed:
        days = float(interactions.timestamp.max() - interactions.timestamp.min()) / MICROSECONDS_PER_DAY
        most = np.floor(days * LARGEST_SHARE)
        if most >= 1:
            valid, test = min(settings.valid_days, most), min(settings.test_days, most)
            split = temporal_split(interactions, valid, test)
            if min(len(split.valid), len(split.test)) < LEAST_SHARE * len(interactions):
                valid, test = _days_of_last_fifth(interactions)
                split = temporal_split(interactions, valid, test)
            if len(split.train) and len(split.valid) and len(split.test):
                return split, f"split in time: {valid:g} + {test:g} of {days:.0f} days"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)  # said in the sentence, which every report shows
        split = leave_last_out(interactions)
    if not len(split.test):
        raise InputError(
            "there is too little to validate on: no person has three events. "
            "Take in a longer log, or answer from popularity until there is one."
        )
    return split, (
        "split by position: the log covers too little time for whole days. Each person's last event is the test; "
        "figures are better than they will be in the shop"
    )


def _days_of_last_fifth(interactions: Interactions) -> tuple[float, float]:
    """Days for validation and test that hold about a tenth of the events each."""
    moments = np.quantile(interactions.timestamp, (0.8, 0.9))
    end = int(interactions.timestamp.max()) // MICROSECONDS_PER_DAY + 1
    first, second = (float(end - moment // MICROSECONDS_PER_DAY) for moment in moments)
    return max(first - second, 1.0), second


def known_only(interactions: Interactions, at_least: int) -> Interactions:
    """Without the events of products that have fewer than `at_least`: those are learnt about from their content."""
    if at_least <= 1:
        return interactions
    counts = np.bincount(interactions.item, minlength=len(interactions.items))
    return interactions.take(counts[interactions.item] >= at_least)


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


def fingerprint(interactions: Interactions) -> str:
    """SHA-256 of everything that was learnt from: two bundles with the same one saw the same events."""
    digest = sha256()
    for part in (interactions.user, interactions.item, interactions.weight, interactions.timestamp):
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _facts(
    interactions: Interactions, modalities: Sequence[Modality], profiles: Profiles | None, split: Split, note: str
) -> dict[str, Any]:
    """What a reader of the report wants to know about the data."""
    people = len(np.unique(split.test.user))
    period = "each person's last event"
    if split.test_cut is not None:
        first, last = (
            datetime.fromtimestamp(time / 1e6, UTC) for time in (split.test_cut, interactions.timestamp.max())
        )
        period = f"{first:%d %B %Y} to {last:%d %B %Y}"
    return {
        "test": f"{period}, {people:,} people",
        "split": note,
        "events": len(interactions),
        "people": len(np.unique(interactions.user)),
        "products": len(interactions.items),
        "products with an event": len(np.unique(interactions.item)),
        **{f"products with {one.name}": int(one.present.sum()) for one in modalities},
        "fields of people": 0 if profiles is None else len(profiles.categorical) + len(profiles.numeric),
    }


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
