"""Nothing of what happens after a cut may reach a model, a history, a mask or a figure: the future is replaced by
noise, and everything must come out equal to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_cases import random_log

from shoplens.domain.dataset import Interactions, Modality, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.learning.evaluate import evaluate, masked_scores
from shoplens.learning.holdout import Holdout
from shoplens.learning.split import Split, join, rolling_splits, temporal_split
from shoplens.learning.train import BLEND, train
from shoplens.models.base import Recommender
from shoplens.models.fusion import Fusion
from shoplens.models.item_knn import ItemKNN
from shoplens.models.linear import Linear
from shoplens.models.popularity import Popularity

DAY = MICROSECONDS_PER_DAY
MODELS: dict[str, Callable[[], Recommender]] = {
    "popularity": Popularity,
    "item-knn": ItemKNN,
    "linear": Linear,
    "fusion": lambda: Fusion(epochs=2, embedding_size=8, hidden_size=8, content_rank=4, batch_size=64, seed=3),
}


def with_another_future(log: Interactions, cut: int, seed: int) -> Interactions:
    """The same log up to `cut`; after it other people do other things, up to the same last day. The new events lie
    anywhere in the log, so that their place says nothing either; the past keeps its own order."""
    random = np.random.default_rng(seed)
    past = np.flatnonzero(log.timestamp < cut)
    number = int(random.integers(20, 200))
    last = int(log.timestamp.max())
    later = Interactions(
        log.users,
        log.items,
        random.integers(len(log.users), size=number, dtype=np.int32),
        random.integers(len(log.items), size=number, dtype=np.int32),
        random.choice(np.array([-1.0, 0.3, 1.0], np.float32), number),
        np.append(random.integers(cut, last + 1, number - 1), last),
    )
    place = np.sort(random.choice(len(past) + number, len(past), replace=False))
    order = np.empty(len(past) + number, np.int64)
    order[place] = np.arange(len(past))
    order[np.setdiff1d(np.arange(len(order)), place)] = len(past) + np.arange(number)
    return join(log.take(past), later).take(order)


def content(items: int) -> tuple[Modality, ...]:
    values = np.random.default_rng(9).normal(size=(items, 6)).astype(np.float32)
    return (Modality("text", values, np.ones(items, np.bool_)),)


def assert_equal_inputs(first: Holdout, second: Holdout) -> None:
    """For the people whom both ask about: the same histories, masks and counts."""
    assert (first.item_events == second.item_events).all()
    common = np.intersect1d(first.user, second.user)
    assert len(common) > 3
    one, two = (part.take(np.flatnonzero(np.isin(part.user, common))) for part in (first, second))
    for name in ("indptr", "item", "weight", "age_days", "profile", "now"):
        assert (getattr(one.histories, name) == getattr(two.histories, name)).all(), name
    assert (one.mask_indptr == two.mask_indptr).all()
    assert (one.mask_item == two.mask_item).all()


def test_the_other_future_is_another_and_the_past_the_same() -> None:
    log = random_log(1)
    split = temporal_split(log, 20, 10)
    assert split.test_cut is not None
    other = temporal_split(with_another_future(log, split.test_cut, 0), 20, 10)
    assert (other.valid_cut, other.test_cut) == (split.valid_cut, split.test_cut)
    for name in ("user", "item", "weight", "timestamp"):
        for mine, theirs in ((split.train, other.train), (split.valid, other.valid)):
            assert (getattr(mine, name) == getattr(theirs, name)).all()
    assert len(split.test) != len(other.test)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_same_whatever_happens_after_the_test_begins(name: str) -> None:
    log = random_log(2)
    cut = temporal_split(log, 20, 10).test_cut
    assert cut is not None
    splits = [temporal_split(one, 20, 10) for one in (log, with_another_future(log, cut, 1))]
    assert_equal_inputs(*(split.test_holdout() for split in splits))
    histories = splits[0].test_holdout().histories
    scores = []
    for split in splits:
        learn = split.before_test
        data = TrainingData(learn, content(len(log.items)))
        scores.append(MODELS[name]().fit(data).score(histories))
    assert (scores[0] == scores[1]).all()


@pytest.mark.parametrize("name", ["popularity", "item-knn", "linear"])
def test_a_changed_past_is_noticed(name: str) -> None:
    """The test above is no formality: one day earlier, the same change does reach the scores."""
    log = random_log(2)
    cut = temporal_split(log, 20, 10).test_cut
    assert cut is not None
    splits = [temporal_split(one, 20, 10) for one in (log, with_another_future(log, cut - 5 * DAY, 1))]
    histories = splits[0].test_holdout().histories
    first, second = (MODELS[name]().fit(TrainingData(split.before_test)).score(histories) for split in splits)
    assert (first != second).any()


def test_every_choice_on_validation_is_the_same_whatever_the_test_holds() -> None:
    """Weights of the blend, figures, order of the people: all that `train` hands on."""
    log = random_log(3)
    cut = temporal_split(log, 20, 10).test_cut
    assert cut is not None
    found = []
    for one in (log, with_another_future(log, cut, 2)):
        split = temporal_split(one, 20, 10)
        found.append(
            train(TrainingData(split.train), split.valid_holdout(), models=("popularity", "item-knn", "linear"))
        )
    first, second = found
    assert first.weights == second.weights
    assert first.best == second.best
    for name in (*first.models, BLEND):
        assert first.valid[name].holdout == second.valid[name].holdout
        for metric, values in first.valid[name].per_person.items():
            assert (values == second.valid[name].per_person[metric]).all(), (name, metric)


def test_validation_does_not_reach_what_is_fitted_for_it() -> None:
    """The validation part and the test part replaced: scores and masks of validation stay."""
    log = random_log(4)
    cut = temporal_split(log, 20, 10).valid_cut
    assert cut is not None
    splits = [temporal_split(one, 20, 10) for one in (log, with_another_future(log, cut, 3))]
    holdouts = [split.valid_holdout() for split in splits]
    assert_equal_inputs(*holdouts)
    everyone = np.intersect1d(holdouts[0].user, holdouts[1].user)
    scores = []
    for split, holdout in zip(splits, holdouts, strict=True):
        model = ItemKNN().fit(TrainingData(split.train))
        asked = holdout.take(np.flatnonzero(np.isin(holdout.user, everyone)))
        scores.append(masked_scores(model, asked, 0, len(asked)))
        assert evaluate(model, holdout).people == len(holdout)
    assert (scores[0] == scores[1]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 12), st.integers(1, 12))
def test_nothing_after_a_cut_is_learnt_from_read_or_masked(
    seed: int, windows: int, valid_days: int, test_days: int
) -> None:
    log = random_log(seed, users=12, items=9, events=120, days=90)
    splits = rolling_splits(log, windows, valid_days, test_days)
    assert len(splits) == windows
    for split in splits:
        assert_no_look_ahead(split)
    for earlier, later in pairwise(splits):
        assert later.test_cut == (earlier.test_cut or 0) + test_days * DAY
        assert len(later.train) >= len(earlier.train)
        assert np.isin(earlier.train.timestamp, later.train.timestamp).all()
        assert earlier.test.timestamp.max(initial=0) < (later.test_cut or 0)


def assert_no_look_ahead(split: Split) -> None:
    assert split.valid_cut is not None
    assert split.test_cut is not None
    assert split.train.timestamp.max(initial=0) < split.valid_cut
    assert split.before_test.timestamp.max(initial=0) < split.test_cut
    for holdout, seen, cut in (
        (split.valid_holdout(), split.train, split.valid_cut),
        (split.test_holdout(), split.before_test, split.test_cut),
    ):
        allowed = {(user, item) for user, item in zip(seen.user.tolist(), seen.item.tolist(), strict=True)}
        owner = np.repeat(holdout.user, holdout.history_length)
        assert {(u, i) for u, i in zip(owner.tolist(), holdout.histories.item.tolist(), strict=True)} <= allowed
        owner = np.repeat(holdout.user, np.diff(holdout.mask_indptr))
        assert {(u, i) for u, i in zip(owner.tolist(), holdout.mask_item.tolist(), strict=True)} <= allowed
        assert (holdout.histories.now <= cut).all()
        assert (holdout.histories.age_days >= 0).all()
        assert (holdout.item_events == np.bincount(seen.item, minlength=holdout.n_items)).all()
