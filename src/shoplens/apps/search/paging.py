"""Pages of a ranking. A cursor knows which products were shown, so that none is shown twice, whatever changes between.

Scores move a little whenever a product comes or goes, for how rare words are moves with it: "behind the last score"
alone would repeat products. So a cursor names what was shown (four bytes each, the latest MOST_SEEN), and beyond that
holds the keys of the last one. Keys are columns of numbers, ascending, the first one deciding; the last one tells all
products apart and is the same in every process (rows are not).
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.errors import InputError
from shoplens.recommend.asking import Ask
from shoplens.recommend.facts import CatalogueFacts

Keys: TypeAlias = tuple[npt.NDArray[Any], ...]  # [m] each
Rows = npt.NDArray[np.int64]
MISSING = float(np.finfo(np.float64).max)  # key of what is not known: last, and JSON can write it
FORMAT = 1
MOST_SEEN = 250  # products that a cursor names; behind so many, keys decide
LONGEST = 2_000  # letters of a cursor
STALE = "start again without a cursor"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended."""

    of: str  # fingerprint of the question
    shown: int = 0  # products on all pages so far
    after: tuple[float, ...] = ()  # keys of the last one; () = none of the ranking was shown
    seen: bytes = b""  # what was shown, as uint32 of `TieKeys.short`

    def encode(self) -> str:
        """As text that may stand in a URL."""
        told = orjson.dumps([FORMAT, self.of, self.shown, *self.after])
        return base64.urlsafe_b64encode(told + b"\n" + self.seen).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, of: str, size: int) -> Cursor:
        """The cursor of this question, whose ranking has `size` keys. InputError for anything else."""
        try:
            if len(text) > LONGEST:
                raise ValueError
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            told, _, seen = raw.partition(b"\n")
            version, whose, shown, *behind = orjson.loads(told)
        except (ValueError, TypeError) as error:
            raise InputError(f"cursor: this is none that a search gave; {STALE}") from error
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in behind)
        counted = isinstance(shown, int) and not isinstance(shown, bool) and 0 <= shown <= 10**9
        if version != FORMAT or not counted or not numbers or len(seen) % 4 or len(seen) > 4 * MOST_SEEN:
            raise InputError(f"cursor: this is none that a search gave; {STALE}")
        if whose != of:
            raise InputError(f"cursor: it belongs to another question (words, filter or order changed); {STALE}")
        if len(behind) not in (0, size):
            raise InputError(f"cursor: this is none that a search gave; {STALE}")
        return cls(of, shown, tuple(behind), seen)

    def moved(self, shown: int, after: tuple[float, ...], short: npt.NDArray[np.uint32]) -> Cursor:
        """The cursor behind further products."""
        return Cursor(self.of, shown, after, (self.seen + short.astype("<u4").tobytes())[-4 * MOST_SEEN :])

    def has_shown(self, short: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """Which products were shown, as far as the cursor names them. bool [m]"""
        seen = np.frombuffer(self.seen, "<u4")
        result = np.zeros(len(short), bool)
        if not len(seen):
            return result
        buckets = np.zeros(1 << 16, bool)  # few pass this, so that only few are compared exactly
        buckets[seen & 0xFFFF] = True
        likely = np.flatnonzero(buckets[short & np.uint32(0xFFFF)])
        result[likely] = np.isin(short[likely], seen)
        return result

    @property
    def names_all(self) -> bool:
        """Whether all that was shown is named."""
        return len(self.seen) == 4 * self.shown


def fingerprint(ask: Ask) -> str:
    """Of all that decides which products are found and in which order, whoever asks."""
    digest = hashlib.blake2b(digest_size=9)
    text = "" if ask.written else ask.text  # a photo that is sent again is not always read in time
    place = None if ask.scenario is None else ask.scenario.name
    told = (
        text,
        place,
        ask.filter,
        ask.sort,
        ask.drop,
        ask.group,
        ask.understand,
        ask.unavailable,
        ask.prefix,
        ask.typos,
    )
    digest.update(repr(told).encode("utf-8", "surrogatepass"))
    for one in ask.given:
        digest.update(f"{one.signal}\0{one.weight!r}\0".encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(one.vector, np.float32).tobytes())
    return base64.urlsafe_b64encode(digest.digest()).decode()


def after(keys: Keys, last: Sequence[float]) -> npt.NDArray[np.bool_]:
    """Which entries stand after these keys. bool [m]"""
    beyond = np.zeros(len(keys[0]), bool)
    equal = np.ones(len(keys[0]), bool)
    for column, one in zip(keys, last, strict=True):
        beyond |= equal & (column > one)
        equal &= column == one
    return beyond


def first(keys: Keys, count: int, among: Rows | None = None) -> Rows:
    """Places of the `count` first entries, in order; `among`: only these places. Time grows with the number of entries,
    not with that of pages."""
    places = np.arange(len(keys[0])) if among is None else among
    if count <= 0 or not len(places):
        return np.zeros(0, np.int64)
    chosen = _first(keys, count, places)
    return chosen[np.lexsort(tuple(column[chosen] for column in reversed(keys)))]


def _first(keys: Keys, count: int, places: Rows) -> Rows:
    """The same, in no order: all that is before the count-th value of the first key, then of its equals the first."""
    if count >= len(places):
        return places
    column = keys[0][places]
    edge = np.partition(column, count - 1)[count - 1]
    before, equal = places[column < edge], places[column == edge]
    if len(keys) == 1 or len(before) + len(equal) == count:
        return np.concatenate([before, equal[: count - len(before)]])
    return np.concatenate([before, _first(keys[1:], count - len(before), equal)])


class TieKeys:
    """A number for each product that is the same in every process and nothing the shop could be reproached with."""

    def __init__(self, facts: CatalogueFacts) -> None:
        self._facts = facts
        self._keys = np.zeros(1_024, np.int64)
        self._known = 0
        self._lock = threading.Lock()

    def of(self, rows: Rows) -> Rows:
        """Keys of rows. int64 [m]"""
        if len(self._facts) > self._known:
            self._extend()
        return self._keys[rows]

    def short(self, rows: Rows) -> npt.NDArray[np.uint32]:
        """The last four bytes of the keys, for cursors. [m]"""
        return (self.of(rows) & 0xFFFFFFFF).astype(np.uint32)

    def _extend(self) -> None:
        with self._lock:
            count = len(self._facts)
            if count > len(self._keys):
                larger = np.zeros(max(count, 2 * len(self._keys)), np.int64)
                larger[: self._known] = self._keys[: self._known]
                self._keys = larger
            for row in range(self._known, count):
                name = self._facts.ids[row].encode("utf-8", "surrogatepass")
                self._keys[row] = int.from_bytes(hashlib.blake2b(name, digest_size=6).digest())
            self._known = count
