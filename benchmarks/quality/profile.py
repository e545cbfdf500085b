"""What profiles predict, judged on a period that nothing was learnt from, beside simple forecasts.

    python -m benchmarks.quality.profile SHOP [--horizon 28] [--seed 0] [--plot report/profile_calibration.png]

SHOP is a workspace with purchases (`shoplens demo` makes one). The last `--horizon` days are the test; the period
before them is validation, where what ships is chosen and probabilities are calibrated; all earlier periods are learnt
from. Fields of people are judged by nested cross-validation: all that people told and that are not sensitive. Then,
with the model of the whole log: whether segments stay themselves when learnt again a period later, by another seed, and
from 95 % of the events; how long the profiles of everybody take, and how long one. Look-alikes are asked for those who
bought of a category in the period before the last (the last was looked at when choosing what they read): half of them
is the list, looked for is the other half, from what lay before. Prints one JSON object;
intervals are 95 % bootstrap over people.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from shoplens.apps.profile import Profiles
from shoplens.domain.events import EVENT_WEIGHTS, MICROSECONDS_PER_DAY
from shoplens.domain.sensitive import is_sensitive
from shoplens.domain.vocabulary import Vocabulary
from shoplens.learning.profile.learning import ShopDeeds, Tastes, category_codes, learn_profiles, learn_segments
from shoplens.learning.profile.plots import drawings_of
from shoplens.learning.profile.reliability import interval
from shoplens.models.profile import ProfileModel
from shoplens.models.profile.audience import ACTIVE, likeness
from shoplens.models.profile.forecasts import LEAST_VISITS
from shoplens.models.profile.habits import FEATURES, Visits, features
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.learned import Learned
from shoplens.recommend.shelf import Shelf
from shoplens.recommend.trending import Trending
from shoplens.service.dataset import read_log
from shoplens.service.profile_training import shop_deeds
from shoplens.service.profiles import read_everybody
from shoplens.service.settings import ProfileSettings
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store

ASKED = 200  # people whose single profile is timed
LEAST_LIST = 60  # buyers of a category who make a list
FEWER = 0.95  # share of the events that segments are first learnt from


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--horizon", type=float, default=28.0, help="days")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path("report") / "profile_calibration.png")
    given = parser.parse_args()
    began = time.perf_counter()
    store = open_store(Workspace.open(given.shop).database_url)
    try:
        settings = ProfileSettings(predict=told_fields(store), horizon_days=given.horizon)
        log, _ = read_log(store, money=True)
        shop = shop_deeds(store, log, EVENT_WEIGHTS, settings)
        _tell(began, "read")
        started = time.perf_counter()
        model, figures = learn_profiles(
            shop, horizon_days=given.horizon, predict=settings.predict, seed=given.seed, progress=lambda *_: None
        )
        seconds = time.perf_counter() - started
        assert model is not None, "the shop has no purchases"
        _tell(began, "learnt")
        for draw in drawings_of(figures).values():
            given.plot.parent.mkdir(parents=True, exist_ok=True)
            draw(given.plot)
        result: dict[str, Any] = {
            "shop": given.shop.name,
            "events": len(log),
            "learn_seconds": round(seconds, 1),
            **figures,
            "groups": [one.names["en"] for one in model.segments.groups],
            "stability": stability(shop, model, given.horizon, given.seed),
        }
        _tell(began, "segments learnt again")
        result["look-alikes"] = alike(shop, given.horizon, given.seed)
        _tell(began, "look-alikes asked")
        result["seconds"] = speed(store, log.items, model, given.seed)
    finally:
        store.close()
    print(json.dumps(result))


def told_fields(store: Store) -> tuple[str, ...]:
    """Fields that people told, but for sensitive ones."""
    names = {
        name
        for chunk in store.people.scan()
        for _, person in chunk
        for name, value in person.fields.items()
        if isinstance(value, str)
    }
    return tuple(sorted(name for name in names if not is_sensitive(name)))


def stability(shop: ShopDeeds, model: ProfileModel, horizon: float, seed: int) -> dict[str, float]:
    """Share of people who are in the segment of the same id, and adjusted Rand index, when segments are learnt once and
    then again: from the period after too, recognising those before and as if they were not; from the same by another
    seed; and first from 95 % of the events."""
    earlier = replace(shop, deeds=shop.deeds.before(shop.end - round(horizon * MICROSECONDS_PER_DAY)))
    fewer = replace(shop, deeds=shop.deeds.keep(np.random.default_rng(seed).random(len(shop.deeds.item)) < FEWER))
    new = Tastes.of(shop, seed=seed)
    found: dict[str, float] = {}
    for name, first, other in (("later", earlier, seed), ("another seed", shop, seed + 1), ("5 % more", fewer, seed)):
        old, again = Tastes.of(first, seed=seed), new if other == seed else Tastes.of(shop, seed=other)
        segments, _ = learn_segments(first, old, None, seed=seed)
        before = replace(model, space=old.space, average=old.average, segments=segments)
        for how, known in (("recognised", before), ("anew", None)):
            second, _ = learn_segments(shop, again, known, seed=other)
            (a, _), (b, _) = segments.nearest(old.vectors), second.nearest(again.vectors)
            ids = [[one.id for one in groups.groups] for groups in (segments, second)]
            same = np.array([ids[0][x] == ids[1][y] for x, y in zip(a.tolist(), b.tolist(), strict=True)])
            found[f"{name}, {how}: same id"] = round(float(same.mean()), 4)
            found[f"{name}, {how}: adjusted Rand"] = round(float(adjusted_rand_score(a, b)), 4)
            found[f"{name}, {how}: segments"] = len(second.groups)
    return found


def alike(shop: ShopDeeds, horizon: float, seed: int) -> dict[str, Any]:
    """How many of the other half of a list are found among as many people as there are, times what chance finds, and
    the area under the curve; means over lists (buyers of a category at the third level) with intervals."""
    period_length = round(horizon * MICROSECONDS_PER_DAY)
    cut = shop.end - 2 * period_length
    early = replace(shop, deeds=shop.deeds.before(cut))
    vectors = Tastes.of(early, seed=seed).vectors
    length = np.linalg.norm(vectors, axis=1)
    habits = features(early.deeds, cut, shop.act, shop.zone)
    visits = np.diff(Visits.of(early.deeds, shop.act, shop.zone).indptr)
    known = np.flatnonzero((length > 0) & (visits >= LEAST_VISITS))
    unit = vectors / np.maximum(length, 1e-12)[:, None]
    period = (shop.deeds.time >= cut) & (shop.deeds.time < cut + period_length)
    late = shop.deeds.keep(period & shop.deeds.acts(shop.act))
    code = category_codes(shop.rows, shop.columns, "category.3")[late.item]
    random = np.random.default_rng(seed)
    found: dict[str, list[tuple[float, float]]] = {}
    for category in range(len(shop.columns.of_field("category.3"))):
        buyers = np.intersect1d(late.person[code == category], known)
        if not LEAST_LIST <= len(buyers) <= len(known) / 8:
            continue
        seeds = random.choice(buyers, len(buyers) // 2, replace=False)
        asked = ~np.isin(known, seeds)
        truth = np.isin(known[asked], buyers)
        for name, scores in {
            "look-alikes": likeness(unit, habits, known, seeds),
            "tastes alone": unit[known] @ unit[seeds].mean(axis=0),
            "most active": habits[known, FEATURES.index(ACTIVE)],
            "chance": random.random(len(known)),
        }.items():
            best = np.argsort(-scores[asked], kind="stable")[: truth.sum()]
            lift = float(truth[best].mean() / truth.mean())
            found.setdefault(name, []).append((lift, float(roc_auc_score(truth, scores[asked]))))
    told: dict[str, Any] = {"lists": len(next(iter(found.values()), []))}
    for name, values in found.items():
        lift, auc = np.array(values).T
        told[name] = {"times chance": interval(lift, seed), "auc": interval(auc, seed)}
    return told


def speed(store: Store, items: Vocabulary, model: ProfileModel, seed: int) -> dict[str, float]:
    """Seconds for everybody's profile (reading the log included), and CPU seconds of one person's."""
    facts = CatalogueFacts(product for chunk in store.catalogue.scan() for product in chunk)
    shelf = Shelf(Learned("benchmark", items, {}, "", profile=model), facts, Trending())

    def fields(user_id: str) -> Any:
        person = store.people.get(user_id)
        return None if person is None else person.fields

    profiles = Profiles(
        lambda user_id, session_id, limit: store.events.history(user_id=user_id, session_id=session_id, limit=limit),
        fields,
        lambda shelf, model: read_everybody(store, shelf, model),
    )
    started, busy = time.perf_counter(), time.process_time()
    everybody = list(profiles.every(shelf))
    whole, worked = time.perf_counter() - started, time.process_time() - busy
    known = [one.user_id or "" for one in everybody if one.activity.visits]
    spent = []
    for user_id in np.random.default_rng(seed).choice(known, min(ASKED, len(known)), replace=False).tolist():
        busy = time.process_time()
        profiles.of(shelf, user_id)
        spent.append(time.process_time() - busy)
    return {
        "everybody": round(whole, 2),
        "everybody_cpu": round(worked, 2),
        "one_cpu_p50": round(float(np.median(spent)), 4),
        "one_cpu_p99": round(float(np.quantile(spent, 0.99)), 4),
    }


def _tell(began: float, what: str) -> None:
    print(f"{time.perf_counter() - began:7.1f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
