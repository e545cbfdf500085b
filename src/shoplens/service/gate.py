"""Whether a newer bundle may answer: both answer the same people at the beginning of the newest days, through the very
code that serves, and what these people did then judges them, person by person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventWeights, event_weight
from shoplens.domain.moments import told
from shoplens.learning.metrics.bootstrap import Difference, compare
from shoplens.learning.metrics.ranking import ndcg
from shoplens.recommend.past import Past
from shoplens.recommend.pipeline import recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf
from shoplens.service.settings import ScheduleSettings
from shoplens.store.base import Store

K = 20  # places that are judged, as in every report
MOST_PEOPLE = 2_000  # who are asked for; some minutes at a hundred thousand products


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the newest days say about a bundle."""

    candidate: str | None
    current: str | None  # the one that answers; None before the first
    since: int  # microseconds; neither has learnt from what came later
    people: int
    candidate_ndcg: float | None = None  # NDCG@20
    current_ndcg: float | None = None
    difference: Difference | None = None  # candidate − current, 95 % paired bootstrap
    accepted: bool = False
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"since": told(self.since)}


def judge(
    store: Store,
    candidate: Shelf,
    current: Shelf,
    since: int,
    settings: ScheduleSettings,
    *,
    repeat: bool = False,
    limit: int = 200,
    seed: int = 0,
) -> Verdict:
    """Compare two bundles on what people did from `since` on. Guests are left out: they have no name to ask for.

    `repeat`: as the shop's setting; `limit`: events of a history that are read. Products that cannot be ordered today
    take part: what could be ordered then is not known.
    """
    truth = _truth(store, since, current.event_weights)
    names = sorted(truth)
    if len(names) > MOST_PEOPLE:
        names = sorted(np.random.default_rng(seed).choice(names, MOST_PEOPLE, replace=False).tolist())
    wish = Wish(n=K, repeat=repeat, unavailable=True)
    hits: tuple[list[list[bool]], list[list[bool]]] = ([], [])
    relevant: list[int] = []
    for name in names:
        events = store.events.history(user_id=name, limit=limit, before=since)
        wanted = truth[name] if repeat else truth[name] - {event.item_id for event in events}
        if not wanted:
            continue
        relevant.append(len(wanted))
        for found, shelf in zip(hits, (candidate, current), strict=True):
            past = Past.of(events, now=since, profile=shelf.profile_row(name), weights=shelf.event_weights)
            shown = [one.item_id in wanted for one in recommend(shelf, past, wish).items]
            found.append([*shown, *[False] * (K - len(shown))])
    told = Verdict(candidate.version, current.version, since, len(relevant))
    if len(relevant) < settings.least_people:
        return replace(
            told,
            why=f"only {len(relevant)} people bought or liked something new since; {settings.least_people} are needed "
            "to tell (schedule.least_people)",
        )
    ours, theirs = (ndcg(np.array(one), np.array(relevant), K) for one in hits)
    return _decided(told, ours, theirs, settings)


def _decided(
    told: Verdict, ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], settings: ScheduleSettings
) -> Verdict:
    found = compare(ours, theirs)
    new, old = float(ours.mean()), float(theirs.mean())
    figures: dict[str, Any] = {"candidate_ndcg": new, "current_ndcg": old, "difference": found}
    interval = f"{found.mean:+.4f} ({found.low:+.4f} … {found.high:+.4f})"
    said = f"NDCG@{K} {new:.4f} against {old:.4f}, {interval}, {told.people} people"
    if found.high < 0:
        return replace(told, **figures, why=f"worse: {said}")
    if found.mean < -settings.tolerance * old:
        why = f"seems worse by more than {settings.tolerance:.0%} (schedule.tolerance), though not for sure: {said}"
        return replace(told, **figures, why=why)
    return replace(told, **figures, accepted=True, why=f"{'better' if found.low > 0 else 'not worse'}: {said}")


def _truth(store: Store, since: int, weights: EventWeights) -> Mapping[str, set[str]]:
    """user_id → products that they showed a preference for from `since` on, all in all."""
    people = {row: one.user_id for chunk in store.people.scan() for row, one in chunk}
    catalogue = store.catalogue.rows()
    items = dict(zip(catalogue.row, catalogue.item_id, strict=True))
    wanted: dict[tuple[int, int], float] = {}
    for events in store.events.scan():
        late = np.flatnonzero((events.timestamp >= since) & (events.person >= 0) & (events.product >= 0))
        weight = event_weight(events.event_type[late], events.value[late], weights)
        for row, item, one in zip(
            events.person[late].tolist(), events.product[late].tolist(), weight.tolist(), strict=True
        ):
            wanted[row, item] = wanted.get((row, item), 0.0) + one
    truth: dict[str, set[str]] = {}
    for (row, item), total in wanted.items():
        if total > 0 and row in people and item in items:
            truth.setdefault(people[row], set()).add(items[item])
    return truth


def newest_window(moments: Sequence[int], window: int, not_before: int | None) -> int | None:
    """Where the judging days begin: `window` microseconds before the last moment, after `not_before`, and at most a
    fifth of the log. None when nothing came since."""
    if not len(moments):
        return None
    first, last = min(moments), max(moments)
    since = max(last - window, last - (last - first) // 5)
    if not_before is not None:
        since = max(since, not_before + 1)
    return since if since <= last else None
