"""What an epoch over the purchase graph consists of: purchases taken out of it, to be found again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.fusion.batches import Floats, Ints, Ragged
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.samples import Batch
from shoplens.models.fusion.timeline import Timeline, counters, preference


@dataclass(frozen=True, slots=True)
class Holes:
    """One epoch: the purchases that stay in the graph, and batches that ask for those that left.

    Nothing that a sample asks for is in the graph it is answered from; where it is (LightGCN and its heirs), a product
    that one person bought is found through that very purchase, and learning stops early.
    """

    user: Ints  # [kept], person of each distinct pair that stays
    item: Ints  # [kept]
    batches: Iterator[Batch]


def make_holes(timeline: Timeline, config: FusionConfig, random: np.random.Generator) -> Holes:
    """Take purchases out: without order each with the chance `hidden_share`; with order all after a moment of each
    life, so that what is asked for comes after what is known."""
    if timeline.ordered:
        cut = _cuts(timeline, config, random)
        kept = np.arange(len(timeline.user)) < cut[timeline.user]
        batches = _after(timeline, cut, config, random)
    else:
        kept = random.random(len(timeline.user)) >= config.hidden_share
        batches = _among(timeline, kept, config, random)
    first = kept & timeline.first  # the first event of a pair is the earliest: it stays if any of them does
    return Holes(timeline.user[first], timeline.item[first], batches)


def _cuts(timeline: Timeline, config: FusionConfig, random: np.random.Generator) -> Ints:
    """First event that leaves, of each person; events of one moment leave together. [n_users]."""
    low, high = timeline.indptr[:-1], timeline.indptr[1:]
    share = np.minimum(random.random(len(low)) * 2 * config.hidden_share, 1)
    cut = np.minimum(low + np.floor((1 - share) * (high - low)).astype(np.int64), high - 1)
    return np.where(high > low, timeline.moment[np.maximum(cut, 0)], low)


def _after(timeline: Timeline, cut: Ints, config: FusionConfig, random: np.random.Generator) -> Iterator[Batch]:
    """People with the products that were new to them after their cut."""
    people = np.flatnonzero(np.diff(timeline.indptr) > 0)
    for drawn in _in_batches(people, config.batch_size, random):
        target, liking = timeline.after(cut[drawn], config.targets)
        some = target[:, 0] >= 0
        user, target, liking = drawn[some], target[some], liking[some]
        if len(user):
            history = timeline.before(cut[user], config.max_history, config.train_history, random)
            yield Batch(user, history, user, target, liking)


def _among(
    timeline: Timeline, kept: npt.NDArray[np.bool_], config: FusionConfig, random: np.random.Generator
) -> Iterator[Batch]:
    """People with what left of theirs. Each product of a person is one event here."""
    stayed, left = np.flatnonzero(kept), np.flatnonzero(~kept)
    for user in _in_batches(np.unique(timeline.user[left]), config.batch_size, random):
        owner, position = _drawn(timeline, stayed, user, config.train_history, random)
        history = Ragged(
            np.searchsorted(owner, np.arange(len(user) + 1)),
            timeline.item[position],
            timeline.total[position],
            np.zeros(len(position), np.int64),
            np.full(len(position), np.nan, np.float32),
        )
        owner, position = _drawn(timeline, left, user, config.targets, random)
        place = counters(np.bincount(owner, minlength=len(user)))
        target = np.full((len(user), config.targets), -1, np.int64)
        liking: Floats = np.zeros((len(user), config.targets), np.float32)
        target[owner, place] = timeline.item[position]
        liking[owner, place] = preference(timeline.weight[position])
        yield Batch(user, history, user, target, liking)


def _drawn(timeline: Timeline, events: Ints, user: Ints, limit: int, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Up to `limit` random ones of each person's `events`: place of the person in `user` (ascending), and the event."""
    owned = timeline.user[events]
    low = np.searchsorted(owned, user)
    count = np.searchsorted(owned, user, "right") - low
    owner = np.repeat(np.arange(len(user)), count)
    position = events[np.repeat(low, count) + counters(count)]
    shuffled = np.lexsort((random.random(len(position)), owner))
    chosen = shuffled[counters(count) < limit]
    return owner[chosen], position[chosen]


def _in_batches(people: Ints, size: int, random: np.random.Generator) -> Iterator[Ints]:
    order = people[random.permutation(len(people))]
    for start in range(0, len(order), size):
        yield np.sort(order[start : start + size])
