"""Fusion: packed sequences, their windows, and bodies that are causal and exact."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Histories, Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.holdout import hold_out
from shoplens.models.fusion.moments import UNKNOWN_MOMENT, clock
from shoplens.models.fusion.network import SequenceTower
from shoplens.models.fusion.packed import START, Packed, read_sequences
from shoplens.models.fusion.people.profile import ProfileShape
from shoplens.models.fusion.sequences import sequence_batches, sequences_before, training_batch, windows
from shoplens.models.fusion.timeline import Timeline

USERS, ITEMS, LIMIT = 5, 7, 4
CONFIG = FusionConfig(
    embedding_size=8, hidden_size=8, history="transformer", max_events=LIMIT, batch_tokens=12, validation_people=3
).settled("transformer")

#: user, item, day, weight of each event.
logs = st.lists(
    st.tuples(
        st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 40), st.sampled_from([1.0, 0.3, -0.5])
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda event: (event[0], event[2]),  # one event a day, so that the order is certain
)


def interactions(log: list[tuple[int, int, int, float]], *, timed: bool = True) -> Interactions:
    user, item, day, weight = (np.array(column) for column in zip(*log, strict=True))
    return Interactions(
        Vocabulary(map(str, range(USERS))),
        Vocabulary(map(str, range(ITEMS))),
        user.astype(np.int32),
        item.astype(np.int32),
        weight.astype(np.float32),
        day.astype(np.int64) * MICROSECONDS_PER_DAY,
        timed,
    )


def lives(log: list[tuple[int, int, int, float]]) -> dict[int, list[int]]:
    """Products of each person's positive events, oldest first."""
    return {
        user: [item for who, item, _, weight in sorted(log, key=lambda event: event[2]) if who == user and weight > 0]
        for user in range(USERS)
    }


def spans(packed: Packed) -> list[slice]:
    return [slice(low, high) for low, high in zip(packed.indptr[:-1], packed.indptr[1:], strict=True)]


@settings(deadline=None)
@given(logs)
def test_a_request_is_read_as_the_latest_liked_events(log: list[tuple[int, int, int, float]]) -> None:
    packed = read_sequences(interactions(log).histories(), ITEMS, LIMIT, timed=True)
    total = {(user, item): 0.0 for user in range(USERS) for item in range(ITEMS)}
    for user, item, _, weight in log:
        total[user, item] += weight
    for user, span in enumerate(spans(packed)):
        assert packed.item[span][0] == START
        expected = [item for item in lives(log)[user] if total[user, item] > 1e-6][-LIMIT:]
        assert packed.item[span][1:].tolist() == expected
        assert packed.now[span][-1] != UNKNOWN_MOMENT


@settings(deadline=None)
@given(logs, st.booleans())
def test_every_token_wants_the_next_product_that_is_new(log: list[tuple[int, int, int, float]], timed: bool) -> None:
    timeline = Timeline(interactions(log, timed=timed), ordered=True, timed=timed, seed=0)
    life = lives(log)
    wanted: dict[int, list[int]] = {user: [] for user in range(USERS)}
    tokens = 0
    for batch in sequence_batches(timeline, CONFIG, np.random.default_rng(0)):
        assert isinstance(batch.history, Packed)
        for user, span in zip(batch.user.tolist(), spans(batch.history), strict=True):
            events, target = batch.history.item[span][1:].tolist(), batch.target[span, 0].tolist()
            assert len(events) <= LIMIT
            assert (batch.owner[span] == user).all()
            whole = life[user]
            text = ",".join(map(str, whole))
            assert ",".join(map(str, events)) in text
            for place in range(len(target)):
                if target[place] >= 0:
                    assert target[place] not in events[:place]
            wanted[user] += [item for item in dict.fromkeys(target) if item >= 0]
            tokens += len(target)
    for user in range(USERS):
        assert sorted(set(wanted[user])) == sorted(set(life[user]))
    assert tokens >= len(timeline.user)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(1, 6), st.integers(0, 9))
def test_windows_predict_every_event_once(counts: list[int], limit: int, seed: int) -> None:
    log = [(user, place % ITEMS, place, 1.0) for user, count in enumerate(counts[:USERS]) for place in range(count)]
    if not log:
        return
    timeline = Timeline(interactions(log), ordered=True, timed=True, seed=0)
    start, stop = windows(timeline, limit, np.random.default_rng(seed))
    seen = np.concatenate([np.arange(low, high) for low, high in zip(start, stop, strict=True)])
    assert np.sort(seen).tolist() == list(range(len(timeline.user)))
    assert (stop - start <= limit).all()
    assert (timeline.user[start] == timeline.user[stop - 1]).all()


@settings(deadline=None)
@given(logs)
def test_training_and_requests_read_the_same(log: list[tuple[int, int, int, float]]) -> None:
    """What a token has read in training is what a request at the moment of the next event would read."""
    liked = [event for event in log if event[3] > 0]
    if not liked:
        return
    data = interactions(liked)
    timeline = Timeline(data, ordered=True, timed=True, seed=0)
    cut = np.flatnonzero(np.append(timeline.user[1:] != timeline.user[:-1], True))
    if not (cut - timeline.indptr[timeline.user[cut]] <= LIMIT).all():
        cut = cut[cut - timeline.indptr[timeline.user[cut]] <= LIMIT]
    if not len(cut):
        return
    asked = sequences_before(timeline, cut, LIMIT)
    trained = training_batch(timeline, timeline.indptr[timeline.user[cut]], cut + 1).history
    assert isinstance(trained, Packed)
    np.testing.assert_array_equal(asked.item, trained.item)
    np.testing.assert_array_equal(asked.gap, trained.gap)
    np.testing.assert_array_equal(asked.wait[asked.last], trained.wait[trained.last])
    np.testing.assert_array_equal(asked.now[asked.last], trained.now[trained.last])
    for place, (row, user) in enumerate(zip(cut.tolist(), timeline.user[cut].tolist(), strict=True)):
        moment = int(timeline.time[row])
        earlier = data.take((data.user == user) & (data.timestamp < moment))
        request = read_sequences(earlier.histories(np.array([user], np.int32), now=moment), ITEMS, LIMIT, timed=True)
        one = asked.take(np.array([place]))
        np.testing.assert_array_equal(request.item, one.item)
        np.testing.assert_array_equal(request.gap, one.gap)
        assert request.wait[-1] == one.wait[-1]
        assert request.now[-1] == one.now[-1]


def test_the_inner_validation_costs_sequences_one_product_a_person() -> None:
    log = [(user, item, 3 * item + user, 1.0) for user in range(USERS) for item in range(ITEMS)]
    timeline = Timeline(interactions(log), ordered=True, timed=True, seed=0)
    left, held = hold_out(timeline, CONFIG)
    assert held is not None
    assert len(timeline.user) - len(left.user) == len(held.user) == 2
    assert ((held.target >= 0).sum(1) == 1).all()


def packed_of(lengths: list[int], seed: int = 0) -> Packed:
    random = np.random.default_rng(seed)
    item = np.concatenate([np.append(START, random.integers(0, ITEMS, length)) for length in lengths])
    tokens = len(item)
    return Packed(
        np.concatenate([[0], np.cumsum(np.array(lengths) + 1)]),
        item.astype(np.int64),
        random.normal(size=tokens).astype(np.float32),
        random.integers(0, 9, tokens),
        random.integers(0, 9, tokens),
        random.integers(0, 2**50, tokens),
    )


def tower(history: str) -> tuple[SequenceTower, torch.Tensor]:
    torch.manual_seed(0)
    config = replace(CONFIG, history=history, max_events=12)
    made = SequenceTower(config, ProfileShape((3,), 1), timed=True).eval()
    for one in made.parameters():  # what starts silent must speak for the comparison
        torch.nn.init.normal_(one, std=0.3)
    return made, torch.randn(ITEMS, CONFIG.embedding_size + 1)


def read(made: SequenceTower, vectors: torch.Tensor, packed: Packed, *, every: bool = True) -> torch.Tensor:
    n = len(packed.indptr) - 1
    categorical, numeric = torch.ones(n, 1, dtype=torch.int64), torch.full((n, 1), 0.5)
    with torch.inference_mode():
        person: torch.Tensor = made(vectors, packed, categorical, numeric, every=every)
    return person


@pytest.mark.parametrize("history", ["gru", "cnn", "transformer"])
def test_tokens_see_what_came_before_and_nothing_else(history: str) -> None:
    made, vectors = tower(history)
    lengths = [0, 3, 3, 5, 9]
    packed = packed_of(lengths)
    whole = read(made, vectors, packed)
    for number, span in enumerate(spans(packed)):  # alone as in company
        alone = read(made, vectors, packed.take(np.array([number])))
        torch.testing.assert_close(alone, whole[span], rtol=1e-4, atol=1e-5)
    latest = read(made, vectors, packed, every=False)
    torch.testing.assert_close(latest, whole[torch.from_numpy(packed.last)], rtol=1e-4, atol=1e-5)
    item = packed.item.copy()
    place = int(packed.indptr[4]) + 6  # the sixth event of the last sequence
    item[place] = (item[place] + 1) % ITEMS
    changed = (read(made, vectors, packed.pointing(item)) - whole).abs().sum(1).numpy() > 1e-5
    assert not changed[:place].any()
    assert changed[place:].all()


def test_order_of_sequences_changes_no_result() -> None:
    made, vectors = tower("transformer")
    packed = packed_of([4, 0, 7, 4, 1])
    order: Ints = packed.by_length()
    lengths = np.diff(packed.take(order).indptr)
    assert (np.diff(lengths) >= 0).all()
    assert len(packed.take(order).runs) == 4
    straight, turned = read(made, vectors, packed, every=False), read(made, vectors, packed.take(order), every=False)
    torch.testing.assert_close(straight[torch.from_numpy(order)], turned, rtol=1e-4, atol=1e-5)


def test_nobody_at_all_is_read() -> None:
    made, vectors = tower("transformer")
    nobody = Histories(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    packed = read_sequences(nobody, ITEMS, LIMIT, timed=True)
    assert read(made, vectors, packed, every=False).shape == (0, CONFIG.embedding_size + 1)


def test_the_clock_says_hour_and_weekday() -> None:
    hour = MICROSECONDS_PER_DAY // 24
    assert clock(np.array([0, UNKNOWN_MOMENT, 4 * MICROSECONDS_PER_DAY + 13 * hour])).tolist() == [
        [1, 4],  # 1970-01-01 was a Thursday
        [0, 0],
        [14, 1],
    ]
