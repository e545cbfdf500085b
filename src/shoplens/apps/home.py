"""The home page of one person or guest: what they did a moment ago decides what they see now."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from shoplens.domain.events import Event
from shoplens.recommend.past import Past
from shoplens.recommend.pipeline import Answer, recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf

#: The latest events of a person (user_id, session_id, limit), oldest first.
ReadHistory = Callable[[str | None, str | None, int], list[Event]]


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer with the number that later events quote, so that clicks can be attributed."""

    impression_id: str
    answer: Answer


class Home:
    """Recommendations for `user_id`, or for a guest's `session_id`."""

    def __init__(self, history: ReadHistory, *, limit: int = 200) -> None:
        self._history = history
        self._limit = limit

    def recommend(self, shelf: Shelf, wish: Wish, user_id: str | None = None, session_id: str | None = None) -> Shown:
        """Read the latest events, fold them in, rank. Somebody unknown gets an honest cold start."""
        # Given both, what the guest did before logging in counts too.
        events = self._history(user_id, session_id, self._limit) if user_id or session_id else []
        profile = shelf.profile_row(user_id) if user_id else -1
        past = Past.of(events, profile=profile, weights=shelf.event_weights)
        return Shown(secrets.token_hex(12), recommend(shelf, past, wish))
