"""Profiles as they are asked for. One person's is worked out from their history when it is asked, so that it knows the
event of a moment ago; what needs everybody is kept for a few minutes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import scipy.sparse as sp

from shoplens.apps.profile.composing import compose
from shoplens.apps.profile.crowd import Alike, Audience, Crowd, CrowdMember, Everybody
from shoplens.apps.profile.facts import Profile
from shoplens.apps.profile.working import Worked, category_pairs, deeds_of, products_of, unlearnt, work_out
from shoplens.domain.events import Event
from shoplens.errors import InputError, NotFoundError
from shoplens.models.profile import ProfileModel
from shoplens.models.profile.segments import Segment
from shoplens.recommend.shelf import Shelf

#: The latest events of a person (user_id, session_id, limit), oldest first.
ReadHistory = Callable[[str | None, str | None, int], list[Event]]
ReadFields = Callable[[str], Mapping[str, Any] | None]  # what somebody told; None: no such person
ReadEverybody = Callable[[Shelf, ProfileModel], Everybody]

MOST_EVENTS = 20_000  # of one history
KEEP_SECONDS = 600.0  # how old what is known of everybody may be


class Profiles:
    """Works profiles out. Safe to share between threads."""

    def __init__(
        self,
        history: ReadHistory,
        fields: ReadFields,
        everybody: ReadEverybody,
        *,
        zone: str = "UTC",
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        self._history, self._fields, self._everybody = history, fields, everybody
        self._zone, self._keep = zone, keep_seconds
        self._lock = threading.Lock()
        self._crowd: Crowd | None = None

    def of(
        self,
        shelf: Shelf,
        user_id: str | None,
        session_id: str | None = None,
        *,
        language: str = "en",
        now: int | None = None,
    ) -> Profile:
        """Of a person, a guest's session, or both right after a login. `now`: microseconds; default: this moment.

        NotFoundError when nothing is known of them.
        """
        moment = now if now is not None else int(time.time() * 1e6)
        events, told = self._known(user_id, session_id, moment)
        model = _model(shelf) or unlearnt(events, self._zone)
        worked, rows = _one(shelf, model, events, moment)
        return compose(
            worked,
            0,
            category_pairs(worked, rows),
            user_id=user_id,
            session_id=session_id,
            bundle=shelf.version,
            told=told,
            language=language,
        )

    def every(
        self, shelf: Shelf, *, language: str = "en", now: int | None = None, after: str | None = None
    ) -> Iterator[Profile]:
        """The profiles of all people with an id, in the store's order; `after`: of those who come after that person.

        NotFoundError before a training, and when nobody has the id `after`.
        """
        model = learnt(shelf)
        moment = now if now is not None else int(time.time() * 1e6)
        gone = NotFoundError(f"nobody is called {after!r}, or they were forgotten since; start again from the first")
        if after is not None and self._fields(after) is None:
            raise gone  # before seconds are spent
        everybody = self._everybody(shelf, model)
        if after is not None and after not in everybody.user_ids:
            raise gone
        rows = products_of(shelf, model, everybody.item_ids)
        worked = work_out(model, everybody.deeds, rows, moment)
        asked = category_pairs(worked, rows)
        first = 0 if after is None else everybody.user_ids.index(after) + 1
        for k, user_id in enumerate(everybody.user_ids[first:], start=first):
            told = self._fields(user_id)
            if told is None:  # forgotten since it began
                continue
            yield compose(
                worked,
                k,
                asked,
                user_id=user_id,
                session_id=None,
                bundle=shelf.version,
                told=told,
                language=language,
            )

    def segments(self, shelf: Shelf) -> tuple[Segment, ...]:
        """All segments of the bundle that answers, the largest first. NotFoundError before a training."""
        return learnt(shelf).segments.groups

    def members(self, shelf: Shelf, segment: str | None = None, *, now: int | None = None) -> list[CrowdMember]:
        """Everybody, or those of one segment, the clearest first, at a moment (default: as of at most ten minutes ago).

        NotFoundError when there is no such segment.
        """
        crowd = self.crowd(shelf) if now is None else self._worked_out(shelf, now)
        if segment is None:
            return list(crowd.members)
        _segment(shelf, segment)
        found = [one for one in crowd.members if one.segment == segment]
        return sorted(found, key=lambda one: (-(one.clearness or 0), one.user_id))

    def look_alikes(
        self, shelf: Shelf, *, user_id: str | None = None, segment: str | None = None, n: int = 10
    ) -> list[Alike]:
        """People whose tastes are most like a person's, or like the middle of a segment that they are not in.

        InputError unless exactly one of the two is given; NotFoundError when there is none.
        """
        if (user_id is None) == (segment is None):
            raise InputError("look-alikes of whom? give a user_id or a segment")
        model, crowd = learnt(shelf), self.crowd(shelf)
        if user_id is not None:
            moment = int(time.time() * 1e6)
            events, _ = self._known(user_id, None, moment)
            worked, _ = _one(shelf, model, events, moment)
            found = crowd.nearest(worked.vectors[0], 2 * n, frozenset({user_id}))
        else:
            place = model.segments.groups.index(_segment(shelf, segment or ""))
            inside = frozenset(one.user_id for one in crowd.members if one.segment == segment)
            found = crowd.nearest(model.segments.centres[place], 2 * n, inside)
        return [one for one in found if self._fields(one.user_id) is not None][:n]  # another process may have forgotten

    def audience(self, shelf: Shelf, user_ids: Sequence[str], n: int = 100) -> Audience:
        """People like those of a list, for marketing: by tastes, and from 20 people also by habits; nobody of the list.

        Says how well the list's own people are found again when set aside. InputError for an empty list; NotFoundError
        when nobody on it is known well enough.
        """
        if not user_ids:
            raise InputError("look-alikes of whom? the list is empty")
        found = self.crowd(shelf).audience(user_ids, 2 * n)
        there = (one for one in found.people if self._fields(one.user_id) is not None)  # another process may forget
        return replace(found, people=tuple(islice(there, n)))

    def crowd(self, shelf: Shelf) -> Crowd:
        """Everybody, as of at most ten minutes ago."""
        with self._lock:
            known, now = self._crowd, int(time.time() * 1e6)
            if known is None or known.version != shelf.version or now - known.time > self._keep * 1e6:
                known = self._crowd = self._worked_out(shelf, now)
            return known

    def _worked_out(self, shelf: Shelf, now: int) -> Crowd:
        model = learnt(shelf)
        return Crowd.of(shelf, model, self._everybody(shelf, model), now)

    def forget(self, user_id: str) -> None:
        """Nothing kept here is about that person any longer."""
        with self._lock:
            if self._crowd is not None:
                self._crowd = self._crowd.without(user_id)

    def forget_everybody(self) -> None:
        """Work everybody out again when asked."""
        with self._lock:
            self._crowd = None

    def _known(self, user_id: str | None, session_id: str | None, moment: int) -> tuple[list[Event], Mapping[str, Any]]:
        events = self._history(user_id, session_id, MOST_EVENTS)
        told = self._fields(user_id) if user_id is not None else None
        if not events and told is None:
            raise NotFoundError(f"nothing is known of {user_id if user_id is not None else session_id!r}")
        return [event for event in events if event.timestamp <= moment], told or {}


def learnt(shelf: Shelf) -> ProfileModel:
    """What training learnt about people in general; NotFoundError says how to get it."""
    model = _model(shelf)
    if model is None:
        raise NotFoundError("nothing has been learnt about people yet; run: shoplens train")
    return model


def _model(shelf: Shelf) -> ProfileModel | None:
    return shelf.learned.profile if shelf.learned is not None else None


def _one(shelf: Shelf, model: ProfileModel, events: list[Event], moment: int) -> tuple[Worked, sp.csr_matrix]:
    """One history worked out, and the traits of the products in it."""
    deeds, item_ids = deeds_of(shelf, model, [events], shelf.event_weights)
    rows = products_of(shelf, model, item_ids)
    return work_out(model, deeds, rows, moment), rows


def _segment(shelf: Shelf, segment: str) -> Segment:
    found = next((one for one in learnt(shelf).segments.groups if one.id == segment), None)
    if found is None:
        raise NotFoundError(f"there is no segment {segment!r}; see: shoplens profile segments")
    return found
