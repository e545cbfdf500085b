"""Fusion: samples, candidates and losses against plain definitions."""

from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Interactions, Modality
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.fusion.batches import AGE_BUCKETS, RANK_BUCKETS, Ragged, age_bucket, rank_bucket, read_histories
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.content import Axes, Content, leading_directions
from shoplens.models.fusion.holdout import hold_out
from shoplens.models.fusion.losses import Candidates, binary_cross_entropy, sampled_softmax
from shoplens.models.fusion.samples import epoch_batches
from shoplens.models.fusion.timeline import Timeline, is_ordered

USERS, ITEMS = 6, 9
CONFIG = FusionConfig(batch_size=4, targets=3, max_history=8, train_history=5, validation_people=3)

#: user, item, day, weight of each event.
logs = st.lists(
    st.tuples(
        st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(0, 12), st.sampled_from([1.0, 0.3, -0.5])
    ),
    min_size=1,
    max_size=60,
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


@settings(deadline=None)
@given(logs)
def test_with_time_a_sample_knows_the_past_and_wants_what_is_new(log: list[tuple[int, int, int, float]]) -> None:
    timeline = Timeline(interactions(log), ordered=True, timed=True, seed=0)
    days: dict[tuple[int, int], list[int]] = defaultdict(list)
    for user, item, day, weight in log:
        if weight > 0:
            days[user, item].append(day)
    for batch in epoch_batches(timeline, CONFIG, np.random.default_rng(0)):
        assert isinstance(batch.history, Ragged)
        for row, user in enumerate(batch.user.tolist()):
            span = slice(batch.history.indptr[row], batch.history.indptr[row + 1])
            known, age = batch.history.item[span].tolist(), batch.history.age_days[span]
            wanted = batch.target[row][batch.target[row] >= 0].tolist()
            assert 0 < len(wanted) <= CONFIG.targets
            assert len(set(known)) == len(known) <= CONFIG.train_history
            assert not set(known) & set(wanted)
            moment = min(min(days[user, item]) for item in wanted)
            for item, ago in zip(known, age, strict=True):
                past = [day for day in days[user, item] if day < moment]
                assert past
                assert ago == pytest.approx(moment - max(past))


@settings(deadline=None)
@given(logs)
def test_without_order_a_sample_hides_part_of_what_a_person_has(log: list[tuple[int, int, int, float]]) -> None:
    timeline = Timeline(interactions(log), ordered=False, timed=False, seed=0)
    owned: dict[int, set[int]] = defaultdict(set)
    for user, item, _, weight in log:
        if weight > 0:
            owned[user].add(item)
    seen = set()
    for batch in epoch_batches(timeline, CONFIG, np.random.default_rng(0)):
        for row, user in enumerate(batch.user.tolist()):
            known = batch.history.item[batch.history.indptr[row] : batch.history.indptr[row + 1]].tolist()
            wanted = batch.target[row][batch.target[row] >= 0].tolist()
            assert wanted
            assert not set(known) & set(wanted)
            assert set(known) | set(wanted) <= owned[user]
            seen.add(user)
    assert seen == {user for user, items in owned.items() if items}


@settings(deadline=None)
@given(logs, st.booleans())
def test_what_is_kept_aside_is_not_learnt_from(log: list[tuple[int, int, int, float]], ordered: bool) -> None:
    timeline = Timeline(interactions(log), ordered=ordered, timed=ordered, seed=0)
    left, held = hold_out(timeline, CONFIG)
    if held is None:
        assert left is timeline
        return
    pairs = set(zip(*(column.tolist() for column in left.pairs()), strict=True))
    every = set(zip(*(column.tolist() for column in timeline.pairs()), strict=True))
    for row, user in enumerate(held.user.tolist()):
        wanted = [item for item in held.target[row].tolist() if item >= 0]
        assert wanted
        assert all((user, item) in every - pairs for item in wanted)


@settings(deadline=None)
@given(logs, st.integers(1, 4))
def test_a_history_is_read_as_its_definition_says(log: list[tuple[int, int, int, float]], limit: int) -> None:
    data = interactions(log)
    histories = data.histories()
    read = read_histories(histories, ITEMS, limit, ordered=True, timed=True)
    for user in range(USERS):
        span = slice(histories.indptr[user], histories.indptr[user + 1])
        total: dict[int, float] = {}
        for item, weight in zip(histories.item[span].tolist(), histories.weight[span].tolist(), strict=True):
            before = total.pop(item, 0.0)  # popping moves it to the end: the latest event counts for the order
            total[item] = before + weight
        expected = [(item, weight) for item, weight in total.items() if weight > 1e-6][-limit:]
        mine = slice(read.indptr[user], read.indptr[user + 1])
        assert read.item[mine].tolist() == [item for item, _ in expected]
        np.testing.assert_allclose(read.strength[mine], [weight for _, weight in expected], rtol=1e-5)
        assert read.rank[mine].tolist() == list(range(len(expected), 0, -1))


def test_products_without_a_row_are_not_read() -> None:
    data = interactions([(0, 8, 1, 1.0), (0, 2, 2, 1.0)])
    read = read_histories(data.histories(), 5, 10, ordered=True, timed=True)
    assert read.item.tolist() == [2]


def test_order_is_seen_in_the_file() -> None:
    sorted_by_item = [(user, item, 0, 1.0) for user in range(USERS) for item in range(ITEMS)]
    assert not is_ordered(interactions(sorted_by_item, timed=False))
    assert is_ordered(interactions(sorted_by_item, timed=True))
    random = np.random.default_rng(0)
    shuffled = [(user, int(item), 0, 1.0) for user in range(USERS) for item in random.permutation(ITEMS)]
    assert is_ordered(interactions(shuffled, timed=False))


def test_buckets_grow_with_distance() -> None:
    assert rank_bucket(np.array([0, 1, 16, 17, 10_000])).tolist() == [0, 1, 16, 17, RANK_BUCKETS - 1]
    ages = age_bucket(np.array([np.nan, 0, 1, 30, 1e6], np.float32))
    assert ages[0] == 0
    assert ages[1] == 1
    assert (np.diff(ages) > 0).all()
    assert ages[-1] == AGE_BUCKETS - 1


def test_candidates_hold_targets_and_known_pairs_are_never_negatives() -> None:
    random = np.random.default_rng(0)
    user, item = np.repeat(np.arange(20), 5), random.integers(0, 200, 100)
    key = np.unique(user * 300 + item)
    user, item = key // 300, key % 300
    for full in (1000, 1):
        drawn = Candidates(user, item, 20, 300, full=full, negatives=10, popularity_kept=0.5)
        target = np.full((3, 2), -1)
        target[:, 0] = [item[user == one][0] for one in (2, 7, 11)]
        goal = drawn.draw(np.array([2, 7, 11]), target, random)
        assert set(target[:, 0]) <= set(goal.candidate)
        assert goal.candidate.max() < 200  # 200–299 were touched by nobody
        assert np.isfinite(goal.correction).all()
        for row, one in enumerate((2, 7, 11)):
            known = set(item[user == one]) & set(goal.candidate)
            assert set(goal.candidate[goal.known_place[goal.known_row == row]]) == known
        if full == 1:
            assert len(goal.candidate) <= 13


def test_the_losses_are_their_definitions() -> None:
    drawn = Candidates(np.array([0, 0, 1]), np.array([0, 1, 2]), 2, 4, full=100, negatives=1, popularity_kept=1.0)
    target = np.array([[0, 1], [2, -1]])
    goal = drawn.draw(np.array([0, 1]), target, np.random.default_rng(0))
    logits = torch.tensor([[2.0, 1.0, -1.0], [0.5, 0.0, 1.0]])
    wanted = torch.tensor([2.0, 1.0])
    first = -(wanted - torch.log(wanted.exp() + torch.tensor(-1.0).exp())).mean()
    second = -(1.0 - torch.log(torch.tensor([0.5, 0.0, 1.0]).exp().sum()))
    assert sampled_softmax(logits, goal).item() == pytest.approx((first + second).item() / 2, abs=1e-5)
    sigmoid = torch.nn.functional.softplus
    positive = (sigmoid(-wanted).mean() + sigmoid(torch.tensor(-1.0))) / 2
    negative = (sigmoid(torch.tensor(-1.0)) + sigmoid(torch.tensor([0.5, 0.0])).sum()) / 3
    assert binary_cross_entropy(logits, goal).item() == pytest.approx((positive + negative).item(), abs=1e-5)


def test_uniform_negatives_are_corrected_to_the_full_softmax() -> None:
    """With the correction, the sampled partition function is right on average; without, it would be far too small."""
    random = np.random.default_rng(0)
    item = random.permutation(400)
    drawn = Candidates(np.zeros(400, np.int64), item, 2, 400, full=1, negatives=40, popularity_kept=1.0)
    logits = random.normal(size=400)
    estimates = []
    for _ in range(300):
        goal = drawn.draw(np.array([1]), np.array([[-1]]), random)
        estimates.append(np.exp(logits[goal.candidate] + goal.correction).sum())
    assert np.mean(estimates) == pytest.approx(np.exp(logits).sum(), rel=0.05)


def test_leading_directions_are_those_of_the_exact_decomposition() -> None:
    random = np.random.default_rng(0)
    matrix = (random.normal(size=(80, 30)) @ np.diag(0.8 ** np.arange(30))).astype(np.float32)
    directions, values = leading_directions(matrix, 5, 0)
    _, exact, turned = np.linalg.svd(matrix)
    np.testing.assert_allclose(values, exact[:5], rtol=1e-3)
    np.testing.assert_allclose(np.abs((turned[:5] * directions.T).sum(1)), 1, atol=1e-3)


def test_content_of_few_products_costs_few_rows() -> None:
    values = np.random.default_rng(0).normal(size=(1000, 20)).astype(np.float32)
    present = np.zeros(1000, np.bool_)
    present[[3, 500, 999]] = True
    modality = Modality("image", values, present)
    content = Content.read(modality, Axes.learn(modality, 8, 0))
    assert content.values.shape == (3, 2)  # three points have two directions
    assert content.place[[3, 500, 999]].tolist() == [0, 1, 2]
    assert int((content.place >= 0).sum()) == 3
