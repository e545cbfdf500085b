"""Histories as the network reads them: each product once, recency in buckets, padded to rectangles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shoplens.domain.dataset import Histories
from shoplens.models.fusion.moments import UNKNOWN_MOMENT, clock

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

RANK_BUCKETS = 32  # 0: order unknown; 1–16: latest, last but one, …; then steps of √2 up to "long ago"
AGE_BUCKETS = 24  # 0: time unknown; then steps of √2 from one day to about six years


@dataclass(frozen=True, slots=True)
class Ragged:
    """Histories of n samples, each product once, oldest first; sample k owns indptr[k]:indptr[k+1]."""

    indptr: Ints  # [n + 1]
    item: Ints  # [total]
    strength: Floats  # [total], summed preference, > 0
    rank: Ints  # [total], 1 = latest; 0 when there is no order
    age_days: Floats  # [total]; NaN when there is no time
    now: Ints | None = None  # [n], moment that is asked for, microseconds since 1970; None: nobody says

    def pointing(self, item: Ints) -> Ragged:
        """The same with other rows in `item`."""
        return replace(self, item=item)

    def take(self, chosen: Ints) -> Ragged:
        """Some of the samples, in the order of `chosen`."""
        length = np.diff(self.indptr)[chosen]
        indptr = np.concatenate([[0], np.cumsum(length)])
        index = np.repeat(self.indptr[chosen] - indptr[:-1], length) + np.arange(indptr[-1])
        return Ragged(
            indptr,
            self.item[index],
            self.strength[index],
            self.rank[index],
            self.age_days[index],
            None if self.now is None else self.now[chosen],
        )

    def pad(self) -> PaddedHistories:
        """The same as rectangles."""
        length = np.diff(self.indptr)
        shape = (len(length), max(int(length.max(initial=0)), 1))
        row = np.repeat(np.arange(len(length)), length)
        column = np.arange(len(self.item)) - np.repeat(self.indptr[:-1], length)

        def rectangle(values: npt.NDArray[np.generic], kind: npt.DTypeLike) -> Tensor:
            whole = np.zeros(shape, kind)
            whole[row, column] = values
            return torch.from_numpy(whole)

        return PaddedHistories(
            item=rectangle(self.item, np.int64),
            present=rectangle(np.ones(len(self.item), np.bool_), np.bool_),
            strength=rectangle(np.log(np.maximum(self.strength, 1e-3)), np.float32),
            rank=rectangle(rank_bucket(self.rank), np.int64),
            age=rectangle(age_bucket(self.age_days), np.int64),
            clock=torch.from_numpy(clock(np.full(len(length), UNKNOWN_MOMENT) if self.now is None else self.now)),
        )


@dataclass(frozen=True, slots=True)
class PaddedHistories:
    """Histories as rectangles [n, longest]; `item` holds rows of the catalogue, or of whatever table is looked up."""

    item: Tensor  # int64
    present: Tensor  # bool
    strength: Tensor  # float32, logarithm of the summed preference
    rank: Tensor  # int64, bucket
    age: Tensor  # int64, bucket
    clock: Tensor  # int64 [n, 2], hour and weekday of the moment that is asked for; 0 = unknown

    def to(self, device: torch.device) -> PaddedHistories:
        """The same on another device."""
        return PaddedHistories(*(getattr(self, name).to(device) for name in self.__slots__))

    def pointing(self, item: Tensor) -> PaddedHistories:
        """The same with other rows in `item`."""
        return replace(self, item=item)


def rank_bucket(rank: Ints) -> Ints:
    """Recency by place → bucket."""
    far = 16 + np.ceil(2 * np.log2(np.maximum(rank, 16) / 16))
    return np.minimum(np.where(rank <= 16, rank, far), RANK_BUCKETS - 1).astype(np.int64)


def age_bucket(age_days: Floats) -> Ints:
    """Recency by time → bucket."""
    known = ~np.isnan(age_days)
    steps = 1 + np.floor(2 * np.log2(1 + np.maximum(np.where(known, age_days, 0), 0)))
    return np.where(known, np.minimum(steps, AGE_BUCKETS - 1), 0).astype(np.int64)


def read_histories(histories: Histories, n_items: int, limit: int, *, ordered: bool, timed: bool) -> Ragged:
    """What a request knows: repeated products summed into their latest event, disliked ones left out."""
    length = np.diff(histories.indptr)
    person = np.repeat(np.arange(len(length)), length)
    item = histories.item.astype(np.int64)
    weight, age = histories.weight, histories.age_days
    inside = (item >= 0) & (item < n_items)
    if not inside.all():  # a product that came after training has no row here yet
        person, item, weight, age = person[inside], item[inside], weight[inside], age[inside]
    key = person * n_items + item
    order = np.argsort(key, kind="stable")
    grouped = key[order]
    last = np.append(grouped[1:] != grouped[:-1], True) if len(key) else np.zeros(0, np.bool_)
    totals = np.cumsum(weight[order], dtype=np.float64)[last]
    total = np.diff(totals, prepend=0.0)
    kept = order[last]
    keep = total > 1e-6
    kept, total = kept[keep], total[keep]
    by_time = np.argsort(kept, kind="stable")  # positions in the request are oldest first within a person
    kept, total = kept[by_time], total[by_time]
    count = np.bincount(person[kept], minlength=len(length))
    rank = np.repeat(np.cumsum(count), count) - np.arange(len(kept))
    recent = rank <= limit
    kept, total, rank = kept[recent], total[recent], rank[recent]
    indptr = np.concatenate([[0], np.cumsum(np.minimum(count, limit))])
    return Ragged(
        indptr,
        item[kept],
        total.astype(np.float32),
        rank if ordered else np.zeros_like(rank),
        age[kept].astype(np.float32) if timed else np.full(len(kept), np.nan, np.float32),
        histories.now if timed and len(histories.now) else None,
    )
