"""What people did, by person and time: any moment of it can be asked for what was known and what came next.

Everything is arrays; nothing loops over people.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.fusion.batches import Floats, Ints, Ragged

MOSTLY = 0.95  # share of rising (or falling) neighbours from which on a list counts as sorted


def is_ordered(interactions: Interactions) -> bool:
    """Whether the order of a person's events can mean anything: there is time, or a file not sorted by product."""
    if interactions.timed:
        return True
    order = np.lexsort((interactions.timestamp, interactions.user))
    user, item = interactions.user[order], interactions.item[order]
    same = user[1:] == user[:-1]
    if not same.any():
        return False
    rising = float((item[1:] > item[:-1])[same].mean())
    return MOSTLY > rising > 1 - MOSTLY


class Timeline:
    """Positive events by person and time, with what is needed to ask at any moment: what was known, what came next.

    `ordered`: later events came later; without, each product of a person counts once. `timed`: ages mean days.
    """

    def __init__(self, interactions: Interactions, *, ordered: bool, timed: bool, seed: int) -> None:
        self.ordered, self.timed = ordered, timed
        self.n_users, self.n_items = len(interactions.users), len(interactions.items)
        positive = np.flatnonzero(interactions.weight > 0)
        user, item = interactions.user[positive].astype(np.int64), interactions.item[positive].astype(np.int64)
        weight, time = interactions.weight[positive].astype(np.float64), interactions.timestamp[positive]
        if not ordered:
            key, inverse = np.unique(user * self.n_items + item, return_inverse=True)
            weight = np.bincount(inverse, weights=weight, minlength=len(key)).astype(np.float64)
            user, item, time = key // self.n_items, key % self.n_items, np.zeros(len(key), np.int64)
        # Within one basket the order is random: files list baskets by product number, which must not be learnt.
        shuffled = np.random.default_rng(seed).permutation(len(user))
        order = np.lexsort((shuffled, time, user))
        self._link(user[order], item[order], time[order], weight[order])

    def keep(self, chosen: npt.NDArray[np.bool_]) -> Timeline:
        """The timeline of some of the events only. `chosen`: [n_events]."""
        kept = copy(self)
        kept._link(self.user[chosen], self.item[chosen], self.time[chosen], self.weight[chosen])
        return kept

    def _link(self, user: Ints, item: Ints, time: Ints, weight: npt.NDArray[np.float64]) -> None:
        """Per event: is it the first of its pair, where is the next one, how much has the pair summed up to."""
        self.user, self.item, self.time, self.weight = user, item, time, weight
        self.indptr = np.searchsorted(user, np.arange(self.n_users + 1))
        size = len(user)
        pair = np.argsort(self.user * self.n_items + self.item, kind="stable")
        same = (self.user[pair][1:] == self.user[pair][:-1]) & (self.item[pair][1:] == self.item[pair][:-1])
        begins = np.append(True, ~same)[:size]
        self.first = np.zeros(size, np.bool_)
        self.first[pair] = begins
        self.next = np.full(size, size, np.int64)
        self.next[pair[:-1][same]] = pair[1:][same]
        running = np.cumsum(weight[pair])
        before = np.maximum.accumulate(np.where(begins, np.append(0.0, running)[:size], -1.0))
        self.total = np.zeros(size, np.float32)
        self.total[pair] = running - before
        self.firsts = np.flatnonzero(self.first)
        changed = np.append(True, (self.user[1:] != self.user[:-1]) | (self.time[1:] != self.time[:-1]))[:size]
        starts = np.flatnonzero(changed)
        self.moment = starts[np.cumsum(changed) - 1] if size else starts  # first event of the same person and time

    def counts(self) -> Ints:
        """How many people touched each product. [n_items]."""
        return np.bincount(self.item[self.first], minlength=self.n_items)

    def pairs(self) -> tuple[Ints, Ints]:
        """All distinct (person, product) pairs, by person."""
        return self.user[self.first], self.item[self.first]

    def before(self, cut: Ints, limit: int, sample: int, random: np.random.Generator | None) -> Ragged:
        """Histories at positions `cut`: the latest `limit` events, thinned at random to `sample` products."""
        user = self.user[np.minimum(cut, len(self.user) - 1)]
        low = np.maximum(self.indptr[user], cut - limit)
        length = cut - low
        sample_of = np.repeat(np.arange(len(cut)), length)
        position = np.arange(int(length.sum())) + np.repeat(low - (np.cumsum(length) - length), length)
        latest = self.next[position] >= cut[sample_of]
        sample_of, position = sample_of[latest], position[latest]
        count = np.bincount(sample_of, minlength=len(cut))
        rank = np.repeat(np.cumsum(count), count) - np.arange(len(position))
        if random is not None and (count > sample).any():
            shuffled = np.lexsort((random.random(len(position)), sample_of))
            place = np.arange(len(position)) - np.repeat(np.cumsum(count) - count, count)
            kept = np.sort(shuffled[place < sample])
            sample_of, position, rank = sample_of[kept], position[kept], rank[kept]
            count = np.minimum(count, sample)
        age = (self.time[cut[sample_of]] - self.time[position]) / MICROSECONDS_PER_DAY
        return Ragged(
            np.concatenate([[0], np.cumsum(count)]),
            self.item[position],
            self.total[position],
            rank,
            age.astype(np.float32) if self.timed else np.full(len(age), np.nan, np.float32),
            self.time[cut] if self.timed else None,
        )

    def after(self, cut: Ints, targets: int) -> tuple[Ints, Floats]:
        """The next products, new to the person, from positions `cut` on, and their preference. [len(cut), targets].

        Where there are fewer, products are -1.
        """
        start = np.searchsorted(self.firsts, cut)
        index = start[:, None] + np.arange(targets)
        found = self.firsts[np.minimum(index, len(self.firsts) - 1)]
        valid = (index < len(self.firsts)) & (self.user[found] == self.user[cut][:, None])
        return np.where(valid, self.item[found], -1), preference(self.weight[found])


def counters(length: Ints) -> Ints:
    """0, 1, … for each length, one after another. [sum of length]."""
    return np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)


def preference(weight: npt.NDArray[np.floating[Any]]) -> Floats:
    """What squared error wants the probability of a product to be, from the weight of its event: 0 to 1."""
    wanted: Floats = np.clip(weight, 0, 1).astype(np.float32)
    return wanted
