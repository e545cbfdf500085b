"""What an epoch of a sequential person tower consists of: whole lives, every moment predicting the next product."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.moments import UNKNOWN_MOMENT
from shoplens.models.fusion.packed import Packed, pack
from shoplens.models.fusion.samples import Batch
from shoplens.models.fusion.timeline import Timeline, counters, preference

POOLED = 16  # batches whose sequences are sorted by length together: few runs in a batch, and still mixed lives


def sequence_batches(timeline: Timeline, config: FusionConfig, random: np.random.Generator) -> Iterator[Batch]:
    """One epoch: batches of about `batch_tokens` tokens, sequences of similar length together.

    A life longer than `max_events` is cut into windows at another place every epoch, so that all of it is learnt from.
    """
    start, stop = windows(timeline, config.max_events, random)
    order = random.permutation(len(start))
    tokens = (stop - start)[order]
    pool = np.cumsum(tokens) // (POOLED * config.batch_tokens)
    order = order[np.lexsort((tokens, pool))]
    # A batch never spans two pools, so that its lengths stay alike.
    tokens, pool = (stop - start)[order], np.sort(pool)
    begins = np.searchsorted(pool, pool)
    before = np.cumsum(tokens) - tokens
    batch = pool * (POOLED + 2) + (before - before[begins]) // config.batch_tokens
    bounds = np.flatnonzero(np.append(True, batch[1:] != batch[:-1])) if len(batch) else np.zeros(0, np.int64)
    parts = np.split(order, bounds[1:]) if len(batch) else []
    for place in random.permutation(len(parts)):
        chosen = parts[place]
        yield training_batch(timeline, start[chosen], stop[chosen])


def windows(timeline: Timeline, limit: int, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Positions start:stop of the events that each window predicts, at most `limit` of one person's. Both [windows]."""
    low, high = timeline.indptr[:-1], timeline.indptr[1:]
    some = high > low
    low, high = low[some], high[some]
    count = high - low
    first = np.where(count <= limit, count, random.integers(1, limit + 1, len(count)))
    number = 1 + -(-(count - first) // limit)
    nth = counters(number)
    low, high, first = np.repeat(low, number), np.repeat(high, number), np.repeat(first, number)
    start = np.where(nth == 0, low, low + first + (nth - 1) * limit)
    return start, np.minimum(low + first + nth * limit, high)


def training_batch(timeline: Timeline, start: Ints, stop: Ints) -> Batch:
    """Windows as sequences: token k has read the events before start + k and wants the next product new to the person.

    A window inside a life begins with the event before it, and wants nothing of its start token, which stands for
    people of whom nothing is known.
    """
    user = timeline.user[start]
    inside = start > timeline.indptr[user]
    length = stop - start + inside  # tokens
    indptr = np.concatenate([[0], np.cumsum(length)])
    owner = np.repeat(np.arange(len(start)), length)
    # Token k of a life's first window predicts event start + k; of another, event start + k - 1.
    aim = np.repeat(start - inside, length) + counters(length)
    begin = counters(length) == 0
    event = aim[~begin] - 1
    gap = np.where(event > timeline.indptr[user[owner[~begin]]], _days(timeline, event - 1, event), np.nan)
    wait = np.where(begin, np.nan, _days(timeline, aim - 1, aim))
    now = timeline.time[aim] if timeline.timed else np.full(len(aim), UNKNOWN_MOMENT)
    history = pack(indptr - np.arange(len(indptr)), timeline.item[event], timeline.weight[event], gap, wait, now)
    found = np.searchsorted(timeline.firsts, aim)
    there = timeline.firsts[np.minimum(found, len(timeline.firsts) - 1)]
    wanted = (found < len(timeline.firsts)) & (timeline.user[there] == user[owner]) & ~(begin & inside[owner])
    # Beyond the window's end the token would skip what lies between; the next window's own tokens know that.
    wanted &= there < stop[owner]
    target = np.where(wanted, timeline.item[there], -1)
    return Batch(user, history, user[owner], target[:, None], preference(timeline.weight[there])[:, None])


def sequences_before(timeline: Timeline, cut: Ints, limit: int) -> Packed:
    """The latest `limit` events of people before positions `cut`, as a request at that moment would read them."""
    user = timeline.user[np.minimum(cut, len(timeline.user) - 1)]
    low = np.maximum(timeline.indptr[user], cut - limit)
    length = cut - low
    indptr = np.concatenate([[0], np.cumsum(length)])
    event = np.repeat(low, length) + counters(length)
    first = counters(length) == 0
    gap = np.where(first, np.nan, _days(timeline, event - 1, event))
    tokens = int(indptr[-1]) + len(cut)
    last = indptr[1:] + np.arange(len(cut))
    wait, now = np.full(tokens, np.nan), np.full(tokens, UNKNOWN_MOMENT)
    if timeline.timed:
        wait[last] = np.where(length > 0, _days(timeline, cut - 1, cut), np.nan)
        now[last] = timeline.time[cut]
    return pack(indptr, timeline.item[event], timeline.weight[event], gap, wait, now)


def _days(timeline: Timeline, earlier: Ints, later: Ints) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Time between two events, in days; NaN without times."""
    if not timeline.timed:
        return np.full(len(earlier), np.nan)
    return (timeline.time[later] - timeline.time[earlier]) / MICROSECONDS_PER_DAY
