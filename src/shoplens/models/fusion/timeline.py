"""What people did, by person and time: any moment of it can be asked for what was known and what came next.

Everything is arrays; nothing loops over people.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.fusion.batches import Batch, Ints, Ragged
from shoplens.models.fusion.config import FusionConfig

BUCKETED = 8  # batches whose samples are sorted by length together, so that little is padded
MOSTLY = 0.95  # share of rising (or falling) neighbours from which on a list counts as sorted
MOST_HELD = 20  # products of one person that the inner validation keeps aside at most


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
        )

    def after(self, cut: Ints, targets: int) -> Ints:
        """The next products, new to the person, from positions `cut` on. [len(cut), targets], -1 pads."""
        start = np.searchsorted(self.firsts, cut)
        index = start[:, None] + np.arange(targets)
        found = self.firsts[np.minimum(index, len(self.firsts) - 1)]
        valid = (index < len(self.firsts)) & (self.user[found] == self.user[cut][:, None])
        return np.where(valid, self.item[found], -1)


@dataclass(frozen=True, slots=True)
class Holdout:
    """People whose latest (without order: random) products were kept aside to choose the best epoch."""

    user: Ints  # [n]
    history: Ragged
    target: Ints  # [n, MOST_HELD], item rows; -1 pads


def hold_out(timeline: Timeline, config: FusionConfig) -> tuple[Timeline, Holdout | None]:
    """The timeline without what was kept aside, and that; None when nobody has enough to spare."""
    random = np.random.default_rng([config.seed, 1])
    count = np.bincount(timeline.user[timeline.first], minlength=timeline.n_users)
    able = np.flatnonzero(count >= 3)
    wanted = min(config.validation_people, len(able) // 2)
    if wanted == 0:
        return timeline, None
    people = np.sort(random.choice(able, wanted, replace=False))
    share = 0.1 if timeline.ordered else 0.2  # a later tenth is also a later time; without order a fifth
    held = np.clip(np.round(share * count[people]), 1, MOST_HELD).astype(np.int64)
    chosen = np.ones(len(timeline.user), np.bool_)
    if timeline.ordered:
        start = np.searchsorted(timeline.firsts, timeline.indptr[people])
        cut = timeline.moment[timeline.firsts[start + count[people] - held]]
        enough = cut > timeline.indptr[people]
        people, cut = people[enough], cut[enough]
        if len(people) == 0:
            return timeline, None
        end = timeline.indptr[people + 1]
        chosen[np.repeat(cut, end - cut) + _counters(end - cut)] = False
        holdout = Holdout(
            people,
            timeline.before(cut, config.max_history, config.max_history, None),
            timeline.after(cut, MOST_HELD),
        )
    else:
        hidden, target = _hide(timeline, people, held, MOST_HELD, random)
        chosen[hidden] = False
        holdout = Holdout(people, _rest(timeline, people, hidden, config.max_history, random), target)
    return timeline.keep(chosen), holdout


def epoch_batches(timeline: Timeline, config: FusionConfig, random: np.random.Generator) -> Iterator[Batch]:
    """One epoch of samples. With order: random moments of each life and what was new after them; else random holes."""
    if timeline.ordered:
        cuts = np.unique(timeline.moment[timeline.first])
        cuts = cuts[random.permutation(len(cuts))]
        by_user = np.argsort(timeline.user[cuts], kind="stable")
        user = timeline.user[cuts][by_user]
        nth = np.arange(len(user)) - np.searchsorted(user, user)
        cuts = cuts[by_user][nth < config.samples_per_person]
        length = np.minimum(cuts - timeline.indptr[timeline.user[cuts]], config.train_history)
        for chosen in _bucketed(length, config.batch_size, random):
            cut = cuts[chosen]
            history = timeline.before(cut, config.max_history, config.train_history, random)
            yield Batch(timeline.user[cut], history, timeline.after(cut, config.targets))
        return
    count = np.diff(timeline.indptr)
    people = np.flatnonzero(count > 0)
    for chosen in _bucketed(np.minimum(count[people], config.train_history), config.batch_size, random):
        user = people[chosen]
        share = random.random(len(user)) * config.hidden_share
        held = np.clip(np.round(share * count[user]), 1, np.minimum(config.targets, np.maximum(count[user] - 1, 1)))
        hidden, target = _hide(timeline, user, held.astype(np.int64), config.targets, random)
        yield Batch(user, _rest(timeline, user, hidden, config.train_history, random), target)


def _counters(length: Ints) -> Ints:
    """0, 1, … for each length, one after another. [sum of length]."""
    return np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)


def _bucketed(length: Ints, size: int, random: np.random.Generator) -> list[Ints]:
    """Random batches of samples of similar length, in random order."""
    order = random.permutation(len(length))
    batches: list[Ints] = []
    for start in range(0, len(order), size * BUCKETED):
        chunk = order[start : start + size * BUCKETED]
        chunk = chunk[np.argsort(length[chunk], kind="stable")]
        batches.extend(chunk[place : place + size] for place in range(0, len(chunk), size))
    return [batches[place] for place in random.permutation(len(batches))]


def _hide(timeline: Timeline, user: Ints, held: Ints, width: int, random: np.random.Generator) -> tuple[Ints, Ints]:
    """`held` random events of each person: their positions, and their products as [n, width]."""
    count = timeline.indptr[user + 1] - timeline.indptr[user]
    row = np.repeat(np.arange(len(user)), count)
    position = np.repeat(timeline.indptr[user], count) + _counters(count)
    shuffled = np.lexsort((random.random(len(position)), row))
    place = _counters(count)
    chosen = place < held[row]
    hidden = position[shuffled[chosen]]
    target = np.full((len(user), width), -1, np.int64)
    target[row[chosen], place[chosen]] = timeline.item[hidden]
    return hidden, target


def _rest(timeline: Timeline, user: Ints, hidden: Ints, limit: int, random: np.random.Generator) -> Ragged:
    """Histories without the hidden events, thinned at random to `limit`; there is no time."""
    count = timeline.indptr[user + 1] - timeline.indptr[user]
    row = np.repeat(np.arange(len(user)), count)
    position = np.repeat(timeline.indptr[user], count) + _counters(count)
    left = ~np.isin(position, hidden)
    row, position = row[left], position[left]
    count = np.bincount(row, minlength=len(user))
    shuffled = np.lexsort((random.random(len(position)), row))
    position = position[shuffled[_counters(count) < limit]]
    count = np.minimum(count, limit)
    return Ragged(
        np.concatenate([[0], np.cumsum(count)]),
        timeline.item[position],
        timeline.total[position],
        np.zeros(len(position), np.int64),
        np.full(len(position), np.nan, np.float32),
    )
