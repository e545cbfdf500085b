"""Rows of judgements, and what had been judged before each of them.

A row must never see its own label. With times, its past are the strictly earlier rows. Without, the pairs are dealt
into folds, and a row sees the other folds only: leaving just the row itself out would let the network read the label
off the gap it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.fusion.batches import Floats, Ints

FOLDS = 5  # of the pairs without time: a training row sees four fifths of a past, which is near to all of it
FACTS = 4  # numbers that the past says of a row: mean label and count, of the person and of the product
SHRINK = 5.0  # rows of the average that a mean of few labels is mixed with


@dataclass(frozen=True, slots=True)
class Fields:
    """Categorical and numeric fields of n rows."""

    codes: Ints  # [n, fields], 0 = unknown
    numbers: Floats  # [n, fields], standardised, NaN = unknown

    @classmethod
    def none(cls, n: int) -> Fields:
        """No fields at all."""
        return cls(np.zeros((n, 0), np.int64), np.zeros((n, 0), np.float32))

    def take(self, index: npt.NDArray[np.generic] | slice) -> Fields:
        """Some of the rows."""
        return Fields(self.codes[index], self.numbers[index])


@dataclass(frozen=True, slots=True)
class Rows:
    """Who was asked about what, and the answer. A person -1 and a product -1 were never seen before.

    Products from n_items on are newcomers, whose vectors the caller brings along.
    """

    user: Ints  # [n]
    item: Ints  # [n]
    label: Floats  # [n] in [0, 1]; [0] when it is to be predicted
    time: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # [n] microseconds since 1970; [0] = no time
    profile: Fields = field(default_factory=lambda: Fields.none(0))  # of the person; no rows = nothing is known
    context: Fields = field(default_factory=lambda: Fields.none(0))  # of the row

    def __len__(self) -> int:
        return len(self.user)

    def take(self, index: npt.NDArray[np.generic] | slice) -> Rows:
        """Some of the rows."""
        return Rows(
            self.user[index],
            self.item[index],
            self.label[index] if len(self.label) else self.label,
            self.time[index] if len(self.time) else self.time,
            self.profile.take(index) if len(self.profile.codes) else self.profile,
            self.context.take(index) if len(self.context.codes) else self.context,
        )


class Past:
    """All judgements known so far, asked at any moment: what a person liked, and how people and products fare."""

    def __init__(self, rows: Rows, *, n_users: int, n_items: int, liked_above: float, seed: int) -> None:
        """`liked_above`: a label above it makes a product part of a person's history."""
        self.n_users, self.n_items, self.liked_above, self.seed = n_users, n_items, liked_above, seed
        self.rows = rows
        self.timed = len(rows.time) == len(rows) > 0
        self.prior = float(rows.label.mean()) if len(rows) else 0.5
        inside = (rows.user >= 0) & (rows.item >= 0) & (rows.item < n_items)
        self._moments = np.unique(rows.time) if self.timed else np.zeros(0, np.int64)
        self._width = len(self._moments) + 1
        user, item = rows.user[inside], rows.item[inside]
        label = rows.label[inside].astype(np.float64)
        place = np.searchsorted(self._moments, rows.time[inside]) if self.timed else self.fold(user, item)
        self._people = _Sums(user, place, label, n_users, self._width if self.timed else FOLDS)
        self._products = _Sums(item, place, label, n_items, self._width if self.timed else FOLDS)
        self._link(user, item, label, place)

    def fold(self, user: Ints, item: Ints) -> Ints:
        """The fold of each pair: drawn by hashing, so that it stays when rows are added. [n]."""
        mixed = (user.astype(np.uint64) * np.uint64(self.n_items + 1) + item.astype(np.uint64)) + np.uint64(self.seed)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # splitmix64 (Steele et al., 2014)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(FOLDS)).astype(np.int64)

    def and_then(self, rows: Rows) -> Past:
        """The past with more judgements; nothing is learnt from them, they are only remembered."""
        mine = self.rows
        time = np.concatenate([mine.time, rows.time]) if self.timed and len(rows.time) == len(rows) else mine.time[:0]
        if self.timed and not len(time):  # rows without a time were made just now
            time = np.concatenate([mine.time, np.full(len(rows), mine.time.max())])
        both = Rows(
            np.concatenate([mine.user, rows.user]),
            np.concatenate([mine.item, rows.item]),
            np.concatenate([mine.label, rows.label]),
            time,
        )
        more = Past(both, n_users=self.n_users, n_items=self.n_items, liked_above=self.liked_above, seed=self.seed)
        more.prior = self.prior  # what the network learnt to compare with
        return more

    def histories(self, rows: Rows, limit: int, *, training: bool) -> Histories:
        """What the people of `rows` had liked before each of them, latest `limit` events, oldest first."""
        user = np.where((rows.user >= 0) & (rows.user < self.n_users), rows.user, self.n_users)
        low, high = self._indptr[user], self._indptr[user + 1]
        if self.timed:
            key = user * self._width + self._moment_of(rows)
            high = np.maximum(np.searchsorted(self._liked_key, key), low)
        low = np.maximum(
            low, high - (limit if self.timed else 2 * limit)
        )  # without time some are of the row's own fold
        length = high - low
        sample = np.repeat(np.arange(len(rows)), length)
        position = np.arange(int(length.sum())) + np.repeat(low - (np.cumsum(length) - length), length)
        if not self.timed:
            keep = self._liked_item[position] != rows.item[sample]
            if training:
                keep &= self._liked_place[position] != self.fold(rows.user, rows.item)[sample]
            sample, position = sample[keep], position[keep]
            length = np.bincount(sample, minlength=len(rows))
            near = np.repeat(np.cumsum(length), length) - np.arange(len(position)) <= limit
            position, length = position[near], np.minimum(length, limit)
            sample = np.repeat(np.arange(len(rows)), length)
        indptr = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        item, weight = self._liked_item[position], self._strength[position]
        if not self.timed:
            return Histories(indptr, item, weight, np.zeros(len(position), np.float32))
        now = rows.time if len(rows.time) == len(rows) else np.full(len(rows), self._moments[-1])
        age = np.maximum(now[sample] - self._moments[self._liked_place[position]], 0) / MICROSECONDS_PER_DAY
        return Histories(indptr, item, weight, age.astype(np.float32), now=now)

    def facts(self, rows: Rows, *, training: bool) -> Floats:
        """Mean label above the average and count, of the person and of the product, as numbers near one. [n, FACTS]."""
        columns = []
        place = self._moment_of(rows) if self.timed else self.fold(rows.user, rows.item)
        for sums, key in ((self._people, rows.user), (self._products, rows.item)):
            if self.timed:
                count, total = sums.before(key, place)
            else:
                count, total = sums.without(key, place if training else None)
            mean = (total + SHRINK * self.prior) / (count + SHRINK)
            columns += [(mean - self.prior) * 5, np.log1p(count) / 3]
        return np.stack(columns, 1).astype(np.float32)

    def product_rates(self, rows: Rows) -> Floats:
        """Shrunk mean label of each row's product: the popularity baseline. [n], in [0, 1]."""
        count, total = self._products.without(rows.item, None)
        return ((total + SHRINK * self.prior) / (count + SHRINK)).astype(np.float32)

    def _moment_of(self, rows: Rows) -> Ints:
        """Number of distinct known times before each row; a row without a time comes after all. [n]."""
        if len(rows.time) != len(rows):
            return np.full(len(rows), len(self._moments), np.int64)
        return np.searchsorted(self._moments, rows.time).astype(np.int64)

    def _link(self, user: Ints, item: Ints, label: npt.NDArray[np.float64], place: Ints) -> None:
        """Liked products by person and time."""
        liked = label > self.liked_above
        user, item, label, place = user[liked], item[liked], label[liked], place[liked]
        if self.timed:
            order = np.lexsort((item, place, user))
        else:  # each pair once, in an order that means nothing
            _, first = np.unique(user * np.int64(self.n_items + 1) + item, return_index=True)
            user, item, label, place = user[first], item[first], label[first], place[first]
            order = np.lexsort((np.random.default_rng(self.seed).random(len(user)), user))
        user, item, label, place = user[order], item[order], label[order], place[order]
        self._liked_item, self._liked_place = item.astype(np.int32), place.astype(np.int64)
        self._liked_key = user * np.int64(self._width) + place
        spread = max(1.0 - self.liked_above, 1e-6)
        self._strength = (0.1 + 0.9 * (label - self.liked_above) / spread).astype(np.float32)
        self._indptr = np.searchsorted(user, np.arange(self.n_users + 2)).astype(np.int64)


class _Sums:
    """Counts and sums of labels by key, up to a place or without one."""

    def __init__(self, key: Ints, place: Ints, label: npt.NDArray[np.float64], n: int, width: int) -> None:
        self._n, self._width = n, width
        order = np.argsort(key * np.int64(width) + place, kind="stable")
        self._key = (key * np.int64(width) + place)[order]
        self._running = np.concatenate([[0.0], np.cumsum(label[order])])

    def before(self, key: Ints, place: Ints) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Count and sum of each key's entries at places below `place`."""
        known, key = self._known(key)
        low = np.searchsorted(self._key, key * self._width)
        high = np.maximum(np.searchsorted(self._key, key * self._width + np.minimum(place, self._width)), low)
        return ((high - low) * known).astype(np.float64), (self._running[high] - self._running[low]) * known

    def without(self, key: Ints, place: Ints | None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Count and sum of each key's entries, those at `place` left out."""
        known, row = self._known(key)
        low, high = np.searchsorted(self._key, row * self._width), np.searchsorted(self._key, (row + 1) * self._width)
        count, total = (high - low).astype(np.float64), self._running[high] - self._running[low]
        if place is not None:
            low = np.searchsorted(self._key, row * self._width + place)
            high = np.searchsorted(self._key, row * self._width + place, "right")
            count, total = count - (high - low), total - (self._running[high] - self._running[low])
        return count * known, total * known

    def _known(self, key: Ints) -> tuple[npt.NDArray[np.bool_], Ints]:
        known = (key >= 0) & (key < self._n)
        return known, np.where(known, key, 0).astype(np.int64)
