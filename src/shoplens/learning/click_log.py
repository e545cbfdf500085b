"""Searches and what people did with them, as arrays to learn from."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventType, key_of_text
from shoplens.domain.queries import query_form, query_key
from shoplens.models.click_ranker import Floats, Keys, item_keys
from shoplens.store.records import SearchRecord, SearchResponse

MOST_SEARCHES = 200_000  # the latest; bounds memory (about 1 kB each) and time
WIDEST = 50  # products of one answer, from its top: whoever looks further is not searching any more
MOST_OF_ONE = 300  # searches of one person or session: nobody, and no robot, decides for the shop
LATER = frozenset({"personal"})  # features that come to be known only after the order that is learnt here
#: What taking a product is worth as evidence that it was the right answer.
GAINS: dict[EventType, float] = {
    EventType.CLICK: 1.0,
    EventType.VIEW: 1.0,
    EventType.SHARE: 2.0,
    EventType.WISHLIST: 2.0,
    EventType.CART: 2.0,
    EventType.PURCHASE: 3.0,
}


@dataclass(frozen=True, slots=True)
class ClickLog:
    """Answers in order of time; what was shown in answer a are the rows indptr[a] : indptr[a + 1]."""

    query: Keys  # [answers] query_key
    asker: npt.NDArray[np.int64]  # [answers] a number for each person, or session, or search by nobody known
    timestamp: npt.NDArray[np.int64]  # [answers] microseconds
    indptr: npt.NDArray[np.int64]  # [answers + 1]
    item: Keys  # [rows] item_keys
    place: npt.NDArray[np.int32]  # [rows] first = 1
    gain: Floats  # [rows] 0 = not taken, else GAINS
    names: tuple[str, ...]  # what was known of each product
    table: Floats  # [rows, len(names)], NaN = not known

    def __len__(self) -> int:
        return len(self.query)

    @property
    def owner(self) -> npt.NDArray[np.int64]:
        """Answer of each row. [rows]"""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    @property
    def taken(self) -> npt.NDArray[np.bool_]:
        """Which rows were taken. [rows]"""
        return self.gain > 0

    def column(self, name: str) -> Floats:
        """One feature, NaN where it is not known. [rows]"""
        if name not in self.names:
            return np.full(len(self.item), np.nan, np.float32)
        return self.table[:, self.names.index(name)]

    def take(self, answers: npt.NDArray[np.int64]) -> ClickLog:
        """Some of the answers, in this order."""
        sizes = np.diff(self.indptr)[answers]
        indptr = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(indptr[-1]) - np.repeat(indptr[:-1] - self.indptr[answers], sizes)
        return ClickLog(
            self.query[answers],
            self.asker[answers],
            self.timestamp[answers],
            indptr.astype(np.int64),
            self.item[rows],
            self.place[rows],
            self.gain[rows],
            self.names,
            self.table[rows],
        )


def gather(records: Iterable[SearchRecord], responses: Iterable[SearchResponse]) -> ClickLog:
    """The latest MOST_SEARCHES answers to words that showed something."""
    gains: dict[str, dict[str, float]] = {}
    for response in responses:
        worth = GAINS.get(response.event_type, 0.0)
        if worth:
            of_answer = gains.setdefault(response.impression_id, {})
            of_answer[response.item_id] = max(worth, of_answer.get(response.item_id, 0.0))
    # Words decide what is right; an answer without any is a page of a category, and another kind of list.
    latest = deque((one for one in records if one.shown and query_form(one.query)), maxlen=MOST_SEARCHES)
    kept = [_cut(one) for one in _fair(latest)]
    kept.sort(key=lambda one: one.timestamp)
    names = tuple(sorted({name for one in kept for name, values in one.features.items() if len(values)} - LATER))
    sizes = [len(one.shown) for one in kept]
    rows = sum(sizes)
    place, gain = np.empty(rows, np.int32), np.zeros(rows, np.float32)
    table = np.full((rows, len(names)), np.nan, np.float32)
    start = 0
    for one in kept:
        end = start + len(one.shown)
        place[start:end] = np.arange(one.first, one.first + len(one.shown))
        taken = gains.get(one.impression_id)
        if taken:
            gain[start:end] = [taken.get(item_id, 0.0) for item_id in one.shown]
        for column, name in enumerate(names):
            values = one.features.get(name, ())
            if len(values) == len(one.shown):  # anything else cannot be said of single products
                table[start:end, column] = values
        start = end
    askers: dict[Any, int] = {}
    return ClickLog(
        np.fromiter((query_key(one.query) for one in kept), np.int64, len(kept)),
        np.fromiter((askers.setdefault(_asker(one), len(askers)) for one in kept), np.int64, len(kept)),
        np.fromiter((one.timestamp for one in kept), np.int64, len(kept)),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item_keys([item_id for one in kept for item_id in one.shown]),
        place,
        gain,
        names,
        table,
    )


def pair_keys(log: ClickLog) -> Keys:
    """A number for query and product of each row. [rows]"""
    mixed = log.query[log.owner] * np.int64(-0x61C8864680B583EB)  # odd: multiplication loses nothing (Knuth, 6.4)
    return np.asarray(mixed ^ log.item, np.int64)


def _asker(one: SearchRecord) -> Any:
    return ("person", one.user_id) if one.user_id else ("session", one.session_id or one.impression_id)


def _cut(one: SearchRecord) -> SearchRecord:
    """The first WIDEST products of an answer."""
    if len(one.shown) <= WIDEST:
        return one
    features = {name: values[:WIDEST] for name, values in one.features.items()}
    return replace(one, shown=one.shown[:WIDEST], features=features)


def _fair(records: Iterable[SearchRecord]) -> list[SearchRecord]:
    """At most MOST_OF_ONE of each asker, the latest."""
    count: Counter[int] = Counter()
    kept = []
    for one in reversed(list(records)):
        who = key_of_text(str(_asker(one)))
        count[who] += 1
        if count[who] <= MOST_OF_ONE:
            kept.append(one)
    return kept
