"""What an epoch of the pooled person tower consists of: moments of lives, or random holes in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shoplens.models.fusion.batches import Floats, Ints, Ragged
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.packed import Packed
from shoplens.models.fusion.timeline import Timeline, counters, preference

BUCKETED = 8  # batches whose samples are sorted by length together, so that little is padded


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's samples. Each sequence of packed histories makes as many of them as it has tokens."""

    user: Ints  # [histories]
    history: Ragged | Packed
    owner: Ints  # [n], person of each sample
    target: Ints  # [n, targets], item rows; -1 pads
    preference: Floats  # [n, targets], 0 to 1


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
            yield Batch(timeline.user[cut], history, timeline.user[cut], *timeline.after(cut, config.targets))
        return
    count = np.diff(timeline.indptr)
    people = np.flatnonzero(count > 0)
    for chosen in _bucketed(np.minimum(count[people], config.train_history), config.batch_size, random):
        user = people[chosen]
        share = random.random(len(user)) * config.hidden_share
        held = np.clip(np.round(share * count[user]), 1, np.minimum(config.targets, np.maximum(count[user] - 1, 1)))
        hidden, target, liking = hide(timeline, user, held.astype(np.int64), config.targets, random)
        yield Batch(user, rest(timeline, user, hidden, config.train_history, random), user, target, liking)


def _bucketed(length: Ints, size: int, random: np.random.Generator) -> list[Ints]:
    """Random batches of samples of similar length, in random order."""
    order = random.permutation(len(length))
    batches: list[Ints] = []
    for start in range(0, len(order), size * BUCKETED):
        chunk = order[start : start + size * BUCKETED]
        chunk = chunk[np.argsort(length[chunk], kind="stable")]
        batches.extend(chunk[place : place + size] for place in range(0, len(chunk), size))
    return [batches[place] for place in random.permutation(len(batches))]


def hide(
    timeline: Timeline, user: Ints, held: Ints, width: int, random: np.random.Generator
) -> tuple[Ints, Ints, Floats]:
    """`held` random events of each person: their positions, their products as [n, width], their preference likewise."""
    count = timeline.indptr[user + 1] - timeline.indptr[user]
    row = np.repeat(np.arange(len(user)), count)
    position = np.repeat(timeline.indptr[user], count) + counters(count)
    shuffled = np.lexsort((random.random(len(position)), row))
    place = counters(count)
    chosen = place < held[row]
    hidden = position[shuffled[chosen]]
    target = np.full((len(user), width), -1, np.int64)
    target[row[chosen], place[chosen]] = timeline.item[hidden]
    liking = np.zeros((len(user), width), np.float32)
    liking[row[chosen], place[chosen]] = preference(timeline.weight[hidden])
    return hidden, target, liking


def rest(timeline: Timeline, user: Ints, hidden: Ints, limit: int, random: np.random.Generator) -> Ragged:
    """Histories without the hidden events, thinned at random to `limit`; there is no time."""
    count = timeline.indptr[user + 1] - timeline.indptr[user]
    row = np.repeat(np.arange(len(user)), count)
    position = np.repeat(timeline.indptr[user], count) + counters(count)
    left = ~np.isin(position, hidden)
    row, position = row[left], position[left]
    count = np.bincount(row, minlength=len(user))
    shuffled = np.lexsort((random.random(len(position)), row))
    position = position[shuffled[counters(count) < limit]]
    count = np.minimum(count, limit)
    return Ragged(
        np.concatenate([[0], np.cumsum(count)]),
        timeline.item[position],
        timeline.total[position],
        np.zeros(len(position), np.int64),
        np.full(len(position), np.nan, np.float32),
    )
