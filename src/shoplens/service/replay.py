"""What a bundle would have earned where another one answered, from places left to chance; before it goes live.

Only answers after the last moment that the bundle learnt from count: a model that has seen the clicks it is judged by
looks better than it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from shoplens.domain.events import EventType
from shoplens.errors import InputError
from shoplens.learning.metrics.off_policy import OffPolicy, estimate, guesses
from shoplens.recommend.exploration import chances_of
from shoplens.recommend.ordering import pool_of
from shoplens.recommend.past import Past
from shoplens.recommend.pipeline import recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf
from shoplens.recommend.wish_json import parse_wish
from shoplens.service.log_writer import DAY
from shoplens.store.base import Store
from shoplens.store.logs import ImpressionLog
from shoplens.store.records import ImpressionRecord

MOST = 20_000  # answers that are asked for again, the latest; some minutes at a hundred thousand products
REWARDS: Mapping[str, frozenset[EventType]] = {
    "click": frozenset({EventType.CLICK, EventType.VIEW, EventType.CART, EventType.PURCHASE}),
    "cart": frozenset({EventType.CART, EventType.PURCHASE}),
    "purchase": frozenset({EventType.PURCHASE}),
}


@dataclass(frozen=True, slots=True)
class Replay:
    """An estimate, and what it rests on. Rewards are counted an answer, over its first places."""

    bundle: str | None
    reward: str
    places: int
    found: OffPolicy
    left_out: Mapping[str, int] = field(default_factory=dict)  # answers that say nothing, by reason

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One logged answer, asked for again."""

    record: ImpressionRecord
    chances: list[float]  # of what was shown, had the new bundle answered
    left: list[list[str]]  # of its pool, at each place
    share: float  # of places left to chance


def replay(
    store: Store,
    shelf: Shelf,
    *,
    since: int,
    places: int = 1,
    reward: str = "click",
    days: float = 28.0,
    window_days: float = 7.0,
    settle_minutes: float = 30.0,
    limit: int = 200,
) -> Replay:
    """Estimate `reward`s of the bundle of this shelf, had it answered in the last `days`, with as many places left to
    chance. `since`: the last moment that it learnt from; `limit`: events of a history that are read.

    InputError when no answer can be used, with how to change that.
    """
    if reward not in REWARDS:
        raise InputError(f"there is no reward {reward!r}; there are {', '.join(REWARDS)}")
    now = int(time.time() * 1e6)
    begin = max(since + 1, now - int(days * DAY))
    left_out: Counter[str] = Counter()
    records = _usable(store.impressions, begin, now - int(settle_minutes * 60e6), left_out)
    asked = [_ask_again(store, shelf, one, wish, places, limit) for one, wish in records]
    if not asked:
        raise InputError(
            "no answer with places left to chance came after the bundle was trained; let some be: exploration = 0.1 in "
            "a scenario, and come back in some days"
        )
    return Replay(
        shelf.version,
        reward,
        places,
        _estimated(store.impressions, asked, places, REWARDS[reward], int(window_days * DAY)),
        dict(left_out),
    )


def _usable(log: ImpressionLog, begin: int, end: int, left_out: Counter[str]) -> list[tuple[ImpressionRecord, Wish]]:
    """The latest answers whose chances and wish are known."""
    found: list[tuple[ImpressionRecord, Wish]] = []
    for chunk in log.scan(since=begin, before=end):
        for _, one in chunk:
            if one.route != "recommend" or not one.propensities:
                left_out["nothing was left to chance"] += 1
                continue
            try:
                wish = parse_wish(one.wish or {})
            except (InputError, TypeError, ValueError):
                left_out["its wish cannot be read"] += 1
                continue
            if one.wish is None or wish.pin or wish.exploration <= 0:
                left_out["pinned products, or a wish that was too long to keep"] += 1
                continue
            found.append((one, wish))
        del found[:-MOST]
    return found


def _ask_again(store: Store, shelf: Shelf, one: ImpressionRecord, wish: Wish, places: int, limit: int) -> _Asked:
    """What the bundle would have put into the pool then, from what the person had done by then."""
    events = store.events.history(user_id=one.user_id, session_id=one.session_id, limit=limit, before=one.timestamp)
    profile = shelf.profile_row(one.user_id) if one.user_id else -1
    past = Past.of(events, now=one.timestamp, profile=profile, weights=shelf.event_weights)
    answer = recommend(shelf, past, replace(wish, n=pool_of(wish.n), exploration=0.0, explain=False))
    pool = [ranked.item_id for ranked in answer.items]
    chances, left = chances_of(pool, one.shown[:places], wish.exploration)
    return _Asked(one, chances.tolist(), left, wish.exploration)


def _estimated(
    log: ImpressionLog, asked: list[_Asked], places: int, kinds: frozenset[EventType], window: int
) -> OffPolicy:
    size = (len(asked), places)
    ratio, reward, there = np.zeros(size), np.zeros(size), np.zeros(size, np.bool_)
    row_of: dict[str, int] = {}
    item = np.zeros(size, np.int64)
    who: dict[str, int] = {}
    people = np.zeros(len(asked), np.int64)
    place_of: dict[tuple[str, str], tuple[int, int]] = {}
    for k, one in enumerate(asked):
        record = one.record
        people[k] = who.setdefault(record.user_id or record.session_id or record.impression_id, len(who))
        for place, shown in enumerate(record.shown[:places]):
            ratio[k, place] = one.chances[place] / record.propensities[place]
            there[k, place] = True
            item[k, place] = row_of.setdefault(shown, len(row_of))
            place_of[record.impression_id, shown] = k, place
    moments = {one.record.impression_id: one.record.timestamp for one in asked}
    for event in log.responses(list(moments)):
        at = place_of.get((event.impression_id, event.item_id))
        if at and event.event_type in kinds and 0 <= event.timestamp - moments[event.impression_id] <= window:
            reward[at] = 1.0
    of_item, of_place = guesses(item, reward, there, people, len(row_of))
    fold = people % 2
    guess = np.where(there, of_item[fold[:, None], item] * of_place[fold], 0.0)
    expected = np.zeros(size)
    for k, one in enumerate(asked):
        for place, left in enumerate(one.left):
            if left:
                factors = np.array([of_item[fold[k], row_of[name]] if name in row_of else 1.0 for name in left])
                mean = one.share * factors.mean() + (1.0 - one.share) * factors[0]
                expected[k, place] = mean * of_place[fold[k], place]
    return estimate(ratio, reward, there, guess, expected, people)
