"""Everybody at once: for lists of a segment, exports, and who is alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shoplens.apps.profile.working import Worked, products_of, work_out
from shoplens.errors import NotFoundError
from shoplens.models.profile import Deeds, ProfileModel
from shoplens.models.profile.audience import FoundAgain, found_again, likeness
from shoplens.models.profile.forecasts import LEAST_VISITS
from shoplens.recommend.shelf import Shelf

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Everybody:
    """The deeds of all people with an id, as `service` reads them from the store."""

    user_ids: tuple[str, ...]
    deeds: Deeds
    item_ids: Sequence[str]  # what the numbers in `deeds.item` stand for


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdMember:
    """One line of a segment's list or an export. None: too little is known."""

    user_id: str
    segment: str | None
    clearness: float | None
    churn: float | None
    recency_days: float | None
    visits: int
    paid: float


@dataclass(frozen=True, slots=True)
class Alike:
    """Somebody alike, and how much: the cosine of their tastes."""

    user_id: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody like the people of a list, and the share of everybody not on it who is less like it."""

    user_id: str
    percentile: float


@dataclass(frozen=True, slots=True)
class Audience:
    """People like those of a list, best first, and what is known of the list itself."""

    people: tuple[Reached, ...]
    seeds: int  # people of the list that were learnt from
    unknown: tuple[str, ...]  # ids that nobody has
    little_known: tuple[str, ...]  # too few visits to be learnt from
    found_again: FoundAgain | None  # None: the list is too short to tell


@dataclass(frozen=True, slots=True)
class Crowd:
    """All people as worked out at one moment."""

    time: int  # microseconds
    version: str | None  # of the bundle
    members: tuple[CrowdMember, ...]
    vectors: Floats  # [n_people, size], unit length or zero
    habits: Floats  # [n_people, …], see `models.profile.habits.FEATURES`

    @classmethod
    def of(cls, shelf: Shelf, model: ProfileModel, everybody: Everybody, now: int) -> Crowd:
        """Work everybody out."""
        rows = products_of(shelf, model, everybody.item_ids)
        worked = work_out(model, everybody.deeds, rows, now)
        enough = worked.habits.visits >= LEAST_VISITS
        length = np.linalg.norm(worked.vectors, axis=1, keepdims=True)
        vectors = np.where(enough[:, None] & (length > 0), worked.vectors / np.maximum(length, 1e-12), 0.0)
        members = tuple(_member(worked, k, user_id) for k, user_id in enumerate(everybody.user_ids))
        return cls(now, shelf.version, members, vectors, worked.features)

    def without(self, user_id: str) -> Crowd:
        """As if that person had never been there."""
        kept = [k for k, one in enumerate(self.members) if one.user_id != user_id]
        members = tuple(self.members[k] for k in kept)
        return replace(self, members=members, vectors=self.vectors[kept], habits=self.habits[kept])

    def nearest(self, vector: Floats, n: int, leave_out: frozenset[str]) -> list[Alike]:
        """The n most alike, best first; nobody whose tastes point elsewhere."""
        length = float(np.linalg.norm(vector))
        if not length:
            return []
        cosine = self.vectors @ (vector / length)
        found: list[Alike] = []
        for place in np.argsort(-cosine, kind="stable").tolist():
            if len(found) == n or cosine[place] <= 0:
                break
            if self.members[place].user_id not in leave_out:
                found.append(Alike(self.members[place].user_id, round(float(cosine[place]), 4)))
        return found

    def audience(self, user_ids: Sequence[str], n: int) -> Audience:
        """The n people most like those of a list, nobody of the list among them.

        NotFoundError when nobody of the list is known well enough.
        """
        place = {one.user_id: k for k, one in enumerate(self.members)}
        asked = tuple(dict.fromkeys(user_ids))
        there = np.array([place[one] for one in asked if one in place], np.int64)
        well = np.linalg.norm(self.vectors, axis=1) > 0
        known, seeds = np.flatnonzero(well), there[well[there]]
        if not len(seeds):
            raise NotFoundError(
                f"nobody of the {len(asked):,} on the list is known well enough: look-alikes need user_ids with two "
                "visits or more (the ids that events name)"
            )
        scores = likeness(self.vectors, self.habits, known, seeds)
        others = np.flatnonzero(~np.isin(known, there))
        order = others[np.argsort(-scores[others], kind="stable")][:n]
        people = tuple(
            Reached(self.members[known[one]].user_id, round(1 - (rank + 1) / len(others), 4))
            for rank, one in enumerate(order.tolist())
        )
        return Audience(
            people,
            len(seeds),
            tuple(one for one in asked if one not in place),
            tuple(self.members[k].user_id for k in there[~well[there]].tolist()),
            found_again(self.vectors, self.habits, known, seeds),
        )


def _member(worked: Worked, k: int, user_id: str) -> CrowdMember:
    visits = int(worked.habits.visits[k])
    place = int(worked.segment[k])
    known = visits >= LEAST_VISITS and place >= 0
    churn = worked.model.churn
    asked = churn is not None and visits >= LEAST_VISITS and worked.habits.recency[k] <= churn.horizon_days
    return CrowdMember(
        user_id=user_id,
        segment=worked.model.segments.groups[place].id if known else None,
        clearness=round(float(worked.clearness[k]), 4) if known else None,
        churn=round(float(worked.churn[k]), 4) if asked else None,
        recency_days=float(worked.habits.recency[k]) if visits else None,
        visits=visits,
        paid=round(float(worked.habits.paid[k]), 2),
    )
