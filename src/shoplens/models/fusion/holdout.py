"""People whose latest products are kept aside while learning: the inner validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoplens.models.fusion.batches import Ints, Ragged
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.packed import Packed
from shoplens.models.fusion.samples import hide, rest
from shoplens.models.fusion.sequences import sequences_before
from shoplens.models.fusion.timeline import Timeline, counters

MOST_HELD = 20  # products of one person that the inner validation keeps aside at most


@dataclass(frozen=True, slots=True)
class Holdout:
    """People whose latest (without order: random) products were kept aside to choose the best epoch."""

    user: Ints  # [n]
    history: Ragged | Packed
    target: Ints  # [n, MOST_HELD], item rows; -1 pads

    def take(self, chosen: Ints) -> Holdout:
        """Some of the people."""
        return Holdout(self.user[chosen], self.history.take(chosen), self.target[chosen])


def hold_out(timeline: Timeline, config: FusionConfig) -> tuple[Timeline, Holdout | None]:
    """The timeline without what was kept aside, and that; None when nobody has enough to spare.

    Sequences lose one product a person, the latest: they are short, and what came before the latest is what they teach.
    """
    random = np.random.default_rng([config.seed, 1])
    count = np.bincount(timeline.user[timeline.first], minlength=timeline.n_users)
    able = np.flatnonzero(count >= 3)
    wanted = min(config.validation_people, len(able) // 2)
    if wanted == 0:
        return timeline, None
    people = np.sort(random.choice(able, wanted, replace=False))
    share = 0.1 if timeline.ordered else 0.2  # a later tenth is also a later time; without order a fifth
    held = np.clip(np.round(share * count[people]), 1, 1 if config.sequential else MOST_HELD).astype(np.int64)
    chosen = np.ones(len(timeline.user), np.bool_)
    if timeline.ordered:
        start = np.searchsorted(timeline.firsts, timeline.indptr[people])
        cut = timeline.moment[timeline.firsts[start + count[people] - held]]
        enough = cut > timeline.indptr[people]
        people, cut = people[enough], cut[enough]
        if len(people) == 0:
            return timeline, None
        end = timeline.indptr[people + 1]
        chosen[np.repeat(cut, end - cut) + counters(end - cut)] = False
        if config.sequential:
            history: Ragged | Packed = sequences_before(timeline, cut, config.max_events)
        else:
            history = timeline.before(cut, config.max_history, config.max_history, None)
        holdout = Holdout(people, history, timeline.after(cut, MOST_HELD)[0])
    else:
        hidden, target, _ = hide(timeline, people, held, MOST_HELD, random)
        chosen[hidden] = False
        holdout = Holdout(people, rest(timeline, people, hidden, config.max_history, random), target)
    return timeline.keep(chosen), holdout
