"""What is known of a person and a category before their next visit: how often, how lately, how regularly it was bought.

Categories are numbered as the columns of one level, from 0. Nothing at or after the moment is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventType
from shoplens.models.profile.deeds import Deeds, distinct, local_hours
from shoplens.models.profile.habits import Floats, Visits, habits

PAIR_FEATURES = (
    "share",  # of the person's visits that held the category, a little towards the shop's
    "times",
    "lately",  # visits with it that fade by half in 28 days
    "since",  # days since the latest
    "gap",  # mean days between two
    "due",  # since over gap
    "last",  # whether the latest visit held it
    "popular",
    "visits",
    "recency",
)
TOP = 20  # categories that are candidates for everybody
SHRINK = 5.0  # visits that the shop's share is worth
FADE_DAYS = 28.0
NEVER = 400.0  # days


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidates of people, person by person, categories ascending."""

    person: npt.NDArray[np.int64]
    category: npt.NDArray[np.int64]
    features: Floats  # [n_pairs, len(PAIR_FEATURES)]


def popularity(deeds: Deeds, code: npt.NDArray[np.int64], n: int, act: EventType, zone: str) -> Floats:
    """Share of all visits that hold each category. `code`: category of each product, -1 = none. [n]"""
    _, category, _ = _bought(deeds, code, n, act, zone)
    return np.bincount(category, minlength=n) / max(len(Visits.of(deeds, act, zone).day), 1)


def pairs(deeds: Deeds, code: npt.NDArray[np.int64], popular: Floats, now: int, act: EventType, zone: str) -> Pairs:
    """Of everybody with a visit before `now`: what they ever bought, and what is popular."""
    n = len(popular)
    past = deeds.before(now)
    today = int(local_hours(np.array([now]), zone)[0] // 24)
    visits = Visits.of(past, act, zone)
    known = habits(visits, today)
    person, category, day = _bought(past, code, n, act, zone)
    top = np.argsort(-popular, kind="stable")[: min(TOP, n)]
    there = np.flatnonzero(known.visits)
    offered = (there[:, None] * n + top[None, :]).ravel()
    keys, place = np.unique(np.concatenate([person * n + category, offered]), return_inverse=True)
    bought = place[: len(person)]
    whose, what = keys // n, keys % n
    times = np.bincount(bought, minlength=len(keys))
    lately = np.bincount(bought, 0.5 ** ((today - day) / FADE_DAYS), len(keys))
    first, last = np.full(len(keys), np.inf), np.full(len(keys), -np.inf)
    np.minimum.at(first, bought, day)
    np.maximum.at(last, bought, day)
    since = np.where(times > 0, today - last, NEVER)
    with np.errstate(invalid="ignore"):
        gap = np.where(times > 1, (last - first) / np.maximum(times - 1, 1), NEVER)
    share = (times + SHRINK * popular[what]) / (known.visits[whose] + SHRINK)
    columns = (
        np.log(np.maximum(share, 1e-6)),
        np.log1p(times),
        lately,
        np.log1p(np.maximum(since, 0)),
        np.log1p(gap),
        np.log((since + 1) / (gap + 1)),
        since == known.recency[whose],
        np.log(np.maximum(popular[what], 1e-6)),
        np.log1p(known.visits[whose]),
        np.log1p(np.maximum(known.recency[whose], 0)),
    )
    return Pairs(whose, what, np.stack([np.asarray(one, np.float64) for one in columns], axis=1))


def next_categories(
    deeds: Deeds, code: npt.NDArray[np.int64], n: int, now: int, act: EventType, zone: str
) -> npt.NDArray[np.int64]:
    """Person × n + category of what each person's first visit from `now` on held, ascending."""
    later = deeds.keep(deeds.time >= now)
    visits = Visits.of(later, act, zone)
    person, category, day = _bought(later, code, n, act, zone)
    first = np.full(len(visits), -1)
    some = np.diff(visits.indptr) > 0
    first[some] = visits.day[visits.indptr[:-1][some]]
    mine = day == first[person]
    return distinct(person[mine] * n + category[mine])


def _bought(
    deeds: Deeds, code: npt.NDArray[np.int64], n: int, act: EventType, zone: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Person, category and day, once for each visit that held the category."""
    acts = deeds.keep(deeds.acts(act))
    category = code[acts.item]
    known = category >= 0
    day = local_hours(acts.time, zone) // 24
    first = int(day.min(initial=0))
    span = int(day.max(initial=0)) - first + 1
    keys = distinct((acts.person[known] * n + category[known]) * span + day[known] - first)
    pair = keys // span
    return pair // n, pair % n, keys % span + first
