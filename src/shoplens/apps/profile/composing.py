"""From numbers of one person to facts: what is too little to be said is left out, and why is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from scipy.special import betaincc, betaincinv

from shoplens.apps.profile.facts import (
    Activity,
    Affinity,
    Churn,
    Discount,
    Due,
    InSegment,
    NextCategory,
    Predicted,
    Profile,
    Rhythm,
)
from shoplens.apps.profile.reasons import Reasons
from shoplens.apps.profile.telling import tell
from shoplens.apps.profile.working import Candidates, Floats, Worked, person_features
from shoplens.domain import moments
from shoplens.domain.sensitive import gives_away, is_sensitive
from shoplens.models.profile.affinity import LEAST_DEEDS, LEAST_EVIDENCE
from shoplens.models.profile.deeds import local_hours
from shoplens.models.profile.forecasts import LEAST_VISITS
from shoplens.models.profile.traits import DEED_FIELDS, OFFER, is_untold

STEADY = 0.75  # quartile distance of the gaps over their median, below which a rhythm is steady
LEAST_RHYTHM = 4  # visits before a rhythm is spoken of
LEAST_GAPS = 5  # own pauses at least as long as the present one, before they say when the next visit is due
MOST_AFFINITIES = 30
MOST_NEXT = 5
LEAST_CHANCE = 0.05  # of a next category
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def compose(
    worked: Worked,
    k: int,
    asked: Candidates | None,
    *,
    user_id: str | None,
    session_id: str | None,
    bundle: str | None,
    told: Mapping[str, Any],
    language: str,
) -> Profile:
    """The profile of person k. `asked`: their candidates for the next category; `told`: fields that they told."""
    missing = Reasons(language)
    parts: dict[str, Any] = {
        "activity": _activity(worked, k),
        "rhythm": _rhythm(worked, k, missing),
        "churn": _churn(worked, k, missing),
        "due": _due(worked, k, missing),
        "affinities": _affinities(worked, k, missing),
        "discount": _discount(worked, k),
        "hours": _hours(worked, k),
        "next_categories": _next(worked, k, asked, missing),
        "segment": _segment(worked, k, language, missing),
        "predicted": _predicted(worked, k, told),
    }
    profile = Profile(
        user_id=user_id,
        session_id=session_id,
        as_of=moments.told(worked.now // 1_000_000 * 1_000_000),
        bundle=bundle,
        missing=missing.said,
        **parts,
    )
    sentences = tell(profile, worked.model.act, language)
    return Profile(
        **{name: getattr(profile, name) for name in Profile.__slots__ if name != "summary"}, summary=sentences
    )


def _activity(worked: Worked, k: int) -> Activity:
    known, model = worked.habits, worked.model
    visits = int(known.visits[k])
    low, high = int(worked.deeds.indptr[k]), int(worked.deeds.indptr[k + 1])
    money = bool(np.isfinite(worked.deeds.paid[low:high]).any())
    paid = float(known.paid[k])
    scores = {}
    if visits and model.edges:
        values = {"recency": float(known.recency[k]), "frequency": float(visits), "monetary": paid}
        scores = {name: model.fifth(name, value) for name, value in values.items() if name != "monetary" or money}
    return Activity(
        events=high - low,
        visits=visits,
        first_visit=_date(worked.today - float(known.first[k])) if visits else None,
        recency_days=float(known.recency[k]) if visits else None,
        paid=paid if money else None,
        basket=paid / visits if money and visits else None,
        currency=model.currency,
        scores=scores,
    )


def _rhythm(worked: Worked, k: int, missing: Reasons) -> Rhythm | None:
    known = worked.habits
    if known.visits[k] < LEAST_RHYTHM:
        missing.add("rhythm", "few_visits", LEAST_RHYTHM)
        return None
    return Rhythm(
        gap_days=float(known.gap[k]),
        gap_low=float(known.gap_low[k]),
        gap_high=float(known.gap_high[k]),
        steady=bool(known.spread[k] <= STEADY),
    )


def _predictable(worked: Worked, k: int, horizon: float | None, what: str, missing: Reasons) -> bool:
    """Whether there are visits enough, and one of them lately."""
    if worked.habits.visits[k] < LEAST_VISITS:
        missing.add(what, "few_visits", LEAST_VISITS)
    elif horizon is None:
        missing.add(what, "not_learnt")
    elif worked.habits.recency[k] > horizon:
        missing.add(what, "left", horizon)
    return what not in missing.said


def _churn(worked: Worked, k: int, missing: Reasons) -> Churn | None:
    model = worked.model.churn
    if not _predictable(worked, k, None if model is None else model.horizon_days, "churn", missing) or model is None:
        return None
    return Churn(probability=float(worked.churn[k]), shop=model.base_rate, horizon_days=model.horizon_days)


def _due(worked: Worked, k: int, missing: Reasons) -> Due | None:
    model, known = worked.model.due, worked.habits
    if model is not None and worked.due is not None and known.recency[k] <= model.horizon_days:
        if not _predictable(worked, k, model.horizon_days, "due", missing):
            return None
        low, middle, high = (float(one) for one in worked.due[k])
        if middle >= model.horizon_days - 0.5:
            missing.add("due", "not_within", model.horizon_days)
            return None
        open_end = high >= model.horizon_days - 0.5
        return Due(
            days=middle,
            low_days=low,
            high_days=None if open_end else high,
            date=_date(worked.today + round(middle)),
            horizon_days=model.horizon_days,
            source="model",
        )
    if known.visits[k] < LEAST_RHYTHM:
        few = model is not None and known.visits[k] < LEAST_VISITS
        missing.add("due", "few_visits", LEAST_VISITS if few else LEAST_RHYTHM)
        return None
    gaps = worked.visits.gaps_of(k)
    longer = gaps[gaps > known.recency[k]] - known.recency[k]  # what is left of those not outlasted
    if len(longer) < LEAST_GAPS:
        missing.add("due", "overdue")
        return None
    low, middle, high = _next_of(longer)
    date = _date(worked.today + round(middle))
    return Due(days=middle, low_days=low, high_days=high, date=date, horizon_days=None, source="rhythm")


def _next_of(seen: Floats) -> tuple[float, float, float]:
    """10 %, 50 % and 90 % of one more, if it is like those seen: order statistics, as of conformal prediction."""
    ordered, n = np.sort(seen), len(seen)
    low, high = max(math.floor(0.1 * (n + 1)) - 1, 0), min(math.ceil(0.9 * (n + 1)) - 1, n - 1)
    return float(ordered[low]), float(np.median(ordered)), float(ordered[high])


def _affinities(worked: Worked, k: int, missing: Reasons) -> tuple[Affinity, ...]:
    found, model = worked.affinities, worked.model
    low, high = np.searchsorted(found.person, (k, k + 1))
    mine = np.arange(low, min(high, low + MOST_AFFINITIES))
    if not len(mine):
        if not len(model.columns):
            missing.add("affinities", "untrained")
        elif worked.tally.effective[k].max(initial=0) < LEAST_EVIDENCE:
            missing.add("affinities", "few_events", LEAST_EVIDENCE)
        else:
            missing.add("affinities", "nothing_clear")
    return tuple(
        Affinity(
            field=model.columns.fields[model.columns.field[column]],
            value=model.columns.shown[column],
            share=float(found.share[place]),
            low=float(found.low[place]),
            high=float(found.high[place]),
            shop_share=float(model.average.share[column]),
            lift=float(found.lift[place]),
            confidence=float(found.confidence[place]),
            events=int(found.deeds[place]),
        )
        for place, column in zip(mine.tolist(), found.column[mine].tolist(), strict=True)
    )


def _discount(worked: Worked, k: int) -> Discount | None:
    model = worked.model
    column = model.columns.number.get((OFFER, DEED_FIELDS[OFFER][1]))
    if column is None:
        return None
    place = int(model.columns.field[column])
    deeds, total = float(worked.tally.effective[k, place]), float(worked.tally.total[k, place])
    shop, prior = float(model.average.share[column]), float(model.average.strength[place])
    if deeds < LEAST_EVIDENCE or not 0 < shop < 1:
        return None
    seen = float(worked.reduced[k]) * deeds / total
    a, b = seen + prior * shop, deeds - seen + prior * (1 - shop)
    return Discount(
        share=a / (a + b),
        low=float(betaincinv(a, b, 0.05)),
        high=float(betaincinv(a, b, 0.95)),
        shop_share=shop,
        confidence=float(betaincc(a, b, shop)),
        events=int(worked.priced[k]),
    )


def _hours(worked: Worked, k: int) -> tuple[int, ...]:
    low, high = int(worked.deeds.indptr[k]), int(worked.deeds.indptr[k + 1])
    if high - low < LEAST_EVIDENCE:
        return ()
    hours = local_hours(worked.deeds.time[low:high], worked.model.zone) % 24
    return tuple(np.bincount(hours, minlength=24).tolist())


def _next(worked: Worked, k: int, asked: Candidates | None, missing: Reasons) -> tuple[NextCategory, ...]:
    model = worked.model.next_category
    if model is None or asked is None:
        missing.add("next_categories", "not_learnt")
        return ()
    lately = worked.model.churn.horizon_days if worked.model.churn is not None else np.inf
    if not _predictable(worked, k, lately, "next_categories", missing):
        return ()
    mine = slice(*np.searchsorted(asked.pairs.person, (k, k + 1)))
    chance, category = asked.chance[mine], asked.pairs.category[mine]
    columns = worked.model.columns.of_field(model.field)
    best = np.argsort(-chance, kind="stable")[:MOST_NEXT]
    return tuple(
        NextCategory(
            category=worked.model.columns.shown[int(columns[category[place]])],
            probability=float(chance[place]),
        )
        for place in best.tolist()
        if chance[place] >= LEAST_CHANCE
        and not is_untold((model.field, worked.model.columns.shown[int(columns[category[place]])]))
    )


def _segment(worked: Worked, k: int, language: str, missing: Reasons) -> InSegment | None:
    place = int(worked.segment[k])
    if place < 0:
        missing.add("segment", "small_shop" if worked.model.people else "untrained")
        return None
    if worked.habits.visits[k] < LEAST_VISITS:
        missing.add("segment", "few_visits", LEAST_VISITS)
        return None
    found = worked.model.segments.groups[place]
    name = found.names.get(language) or found.names["en"]
    return InSegment(id=found.id, name=name, clearness=float(worked.clearness[k]))


def _predicted(worked: Worked, k: int, told: Mapping[str, Any]) -> tuple[Predicted, ...]:
    if worked.habits.visits[k] < LEAST_DEEDS:
        return ()
    found = []
    for field in worked.model.fields:
        if field.name in told:
            continue
        chance = field.probabilities(person_features(worked, k))[0]
        best = int(np.argmax(chance))
        if is_sensitive(field.name) or gives_away(field.classes[best]):  # a bundle of a version that knew fewer words
            continue
        found.append(
            Predicted(
                name=field.name,
                value=field.classes[best],
                probability=float(chance[best]),
                accuracy=field.accuracy,
                accuracy_low=field.accuracy_95[0],
                accuracy_high=field.accuracy_95[1],
                majority=field.majority,
            )
        )
    return tuple(found)


def _date(day: float) -> str:
    return (EPOCH + timedelta(days=day)).date().isoformat()
