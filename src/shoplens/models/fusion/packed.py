"""Sequences of events one after another, nothing padded: what the sequential history encoders read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories
from shoplens.models.fusion.batches import Floats, Ints, age_bucket
from shoplens.models.fusion.moments import UNKNOWN_MOMENT

START = -1  # in `item`: the token before everything a person did, from which the first product is predicted


@dataclass(frozen=True, slots=True)
class Packed:
    """Sequence k owns tokens indptr[k]:indptr[k+1], its start token first, then events, oldest first.

    Token-wise layers see one long list. Sequences of one length that stand side by side are a run: a rectangle without
    holes, which attention and recurrence work on. Sorting by length makes the runs few; it changes no result.
    """

    indptr: Ints  # [n + 1]
    item: Ints  # [tokens], rows of the catalogue or of whatever table is looked up; START where a sequence begins
    strength: Floats  # [tokens], logarithm of the preference; 0 at the start
    gap: Ints  # [tokens], bucket of the time since the event before; 0 = unknown
    wait: Ints  # [tokens], bucket of the time from this event to the moment that is asked for; 0 = unknown
    now: Ints  # [tokens], that moment in microseconds since 1970; UNKNOWN_MOMENT

    @property
    def place(self) -> Ints:
        """Position of each token in its sequence. [tokens]."""
        length = np.diff(self.indptr)
        return np.arange(len(self.item)) - np.repeat(self.indptr[:-1], length)

    @property
    def owner(self) -> Ints:
        """Sequence of each token. [tokens]."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    @property
    def last(self) -> Ints:
        """Latest token of each sequence. [n]."""
        return self.indptr[1:] - 1

    @property
    def runs(self) -> list[tuple[int, int, int]]:
        """(first token, number of sequences, their length) of each run."""
        length = np.diff(self.indptr)
        begins = np.flatnonzero(np.append(True, length[1:] != length[:-1])[: len(length)])
        count = np.diff(np.append(begins, len(length)))
        return [
            (int(self.indptr[first]), int(number), int(length[first]))
            for first, number in zip(begins.tolist(), count.tolist(), strict=True)
        ]

    def pointing(self, item: Ints) -> Packed:
        """The same with other rows in `item`."""
        return replace(self, item=item)

    def take(self, chosen: Ints) -> Packed:
        """Some of the sequences, in the order of `chosen`."""
        length = np.diff(self.indptr)[chosen]
        indptr = np.concatenate([[0], np.cumsum(length)])
        index = np.repeat(self.indptr[chosen] - indptr[:-1], length) + np.arange(indptr[-1])
        return Packed(
            indptr, self.item[index], self.strength[index], self.gap[index], self.wait[index], self.now[index]
        )

    def by_length(self) -> Ints:
        """Sequences from short to long. [n]."""
        return np.argsort(np.diff(self.indptr), kind="stable")


def pack(
    indptr: Ints,
    item: Ints,
    weight: npt.NDArray[np.floating[Any]],
    gap_days: npt.NDArray[np.float64],
    wait_days: npt.NDArray[np.float64],
    now: Ints,
) -> Packed:
    """Sequences of events with a start token before each.

    `indptr` [n + 1]; one entry an event: `item`, `weight` > 0, `gap_days` since the event before (NaN where there is
    none), and, one entry a token: `wait_days` to the moment that is asked for (NaN: unknown) and that moment `now`.
    """
    n = len(indptr) - 1
    tokens = len(item) + n
    event = np.arange(len(item)) + np.repeat(np.arange(1, n + 1), np.diff(indptr))
    items, strength, gap = np.full(tokens, START, np.int64), np.zeros(tokens, np.float32), np.zeros(tokens, np.int64)
    items[event] = item
    strength[event] = np.log(np.maximum(weight, 1e-3))
    gap[event] = age_bucket(gap_days.astype(np.float32))
    wait = age_bucket(wait_days.astype(np.float32))
    return Packed(indptr + np.arange(n + 1), items, strength, gap, wait, now)


def read_sequences(histories: Histories, n_items: int, limit: int, *, timed: bool) -> Packed:
    """What a request knows, as sequences of the latest `limit` events; products disliked on the whole are left out."""
    n = len(histories)
    person = np.repeat(np.arange(n), np.diff(histories.indptr))
    item, weight, age = histories.item.astype(np.int64), histories.weight, histories.age_days.astype(np.float64)
    inside = np.flatnonzero((item >= 0) & (item < n_items))  # a product that came after training has no row here yet
    key = person[inside] * n_items + item[inside]
    _, pair = np.unique(key, return_inverse=True)
    liked = np.bincount(pair, weights=weight[inside]) > 1e-6
    kept = inside[liked[pair] & (weight[inside] > 0)]
    count = np.bincount(person[kept], minlength=n)
    back = np.repeat(np.cumsum(count), count) - np.arange(len(kept))
    kept = kept[back <= limit]
    count = np.minimum(count, limit)
    indptr = np.concatenate([[0], np.cumsum(count)])
    first = np.zeros(len(kept), np.bool_)
    first[indptr[:-1][count > 0]] = True
    recent = age[kept] if timed else np.full(len(kept), np.nan)
    gap = np.where(first, np.nan, np.roll(recent, 1) - recent)
    wait = np.full(len(kept) + n, np.nan)
    last = indptr[1:] + np.arange(n)
    wait[last[count > 0]] = recent[indptr[1:][count > 0] - 1]
    now = np.full(len(wait), UNKNOWN_MOMENT, np.int64)
    if timed and len(histories.now):
        now[last] = histories.now
    return pack(indptr, item[kept], weight[kept], gap, wait, now)
