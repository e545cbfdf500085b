from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import InputError
from shoplens.learning.split import (
    LeakageWarning,
    Split,
    given_files,
    join,
    leave_last_out,
    rolling_splits,
    temporal_split,
)

DAY = MICROSECONDS_PER_DAY


def make(rows: list[tuple[int, int]], *, timed: bool = True) -> Interactions:
    """(person, time) → a log in which the product is the number of the event, so that events can be told apart."""
    return Interactions(
        Vocabulary(str(n) for n in range(10)),
        Vocabulary(str(n) for n in range(len(rows))),
        np.array([row[0] for row in rows], np.int32),
        np.arange(len(rows), dtype=np.int32),
        np.ones(len(rows), np.float32),
        np.array([row[1] for row in rows], np.int64),
        timed,
    )


rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40 * DAY)), min_size=1, max_size=60)


def assert_partition(log: Interactions, split: Split) -> None:
    parts = [split.train.item, split.valid.item, split.test.item]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(log)))


@given(rows, st.integers(0, 5), st.integers(0, 5))
def test_temporal_split_loses_nothing_and_looks_not_ahead(
    events: list[tuple[int, int]], valid_days: int, test_days: int
) -> None:
    log = make(events)
    try:
        split = temporal_split(log, valid_days, test_days)
    except InputError:
        last_day = max(time for _, time in events) // DAY
        assert min(time for _, time in events) >= (last_day + 1 - valid_days - test_days) * DAY
        return
    assert_partition(log, split)
    assert split.valid_cut is not None
    assert split.test_cut is not None
    assert split.valid_cut % DAY == split.test_cut % DAY == 0
    assert len(split.train) > 0
    assert split.train.timestamp.max() < split.valid_cut <= split.test_cut
    assert (split.valid.timestamp >= split.valid_cut).all()
    assert (split.valid.timestamp < split.test_cut).all()
    assert (split.test.timestamp >= split.test_cut).all()


@given(rows)
def test_leave_last_out_takes_the_last_two_of_each(events: list[tuple[int, int]]) -> None:
    log = make(events)
    with pytest.warns(LeakageWarning, match="temporal split"):
        split = leave_last_out(log)
    assert_partition(log, split)
    for person in range(10):
        mine = [part.timestamp[part.user == person] for part in (split.train, split.valid, split.test)]
        total = sum(map(len, mine))
        assert [len(mine[1]), len(mine[2])] == ([1, 1] if total >= 3 else [0, 0])
        if total >= 3:
            assert mine[0].max() <= mine[1][0] <= mine[2][0]


def test_last_days_are_whole_days() -> None:
    split = temporal_split(make([(0, 0), (0, 8 * DAY), (0, 9 * DAY), (0, 9 * DAY + 5)]), valid_days=1, test_days=1)
    assert (len(split.train), len(split.valid), len(split.test)) == (1, 1, 2)


def test_history_and_ages_stop_at_the_cut() -> None:
    log = make([(0, 0), (0, 3 * DAY), (1, 2 * DAY), (0, 8 * DAY), (1, 9 * DAY)])
    split = temporal_split(log, valid_days=1, test_days=1)
    valid = split.valid_holdout()
    assert valid.user.tolist() == [0]
    assert valid.histories.item.tolist() == [0, 1]
    assert valid.histories.age_days.tolist() == [8.0, 5.0]
    test = split.test_holdout()
    assert test.user.tolist() == [1]
    assert test.histories.item.tolist() == [2]
    assert test.item_events.tolist() == [1, 1, 1, 1, 0]


def test_each_person_is_asked_at_their_own_moment() -> None:
    with pytest.warns(LeakageWarning):
        split = leave_last_out(make([(0, 0), (0, DAY), (0, 4 * DAY), (1, 10 * DAY), (1, 11 * DAY), (1, 12 * DAY)]))
    holdout = split.test_holdout()
    assert holdout.histories.item.tolist() == [0, 1, 3, 4]
    assert holdout.histories.age_days.tolist() == [4.0, 3.0, 2.0, 1.0]


def test_refused_splits_say_why() -> None:
    with pytest.raises(InputError, match="have no time"):
        temporal_split(make([(0, 1)], timed=False))
    with pytest.raises(InputError, match="covers 3 days"):
        temporal_split(make([(0, 0), (0, 2 * DAY)]))
    with pytest.raises(InputError, match="no events"):
        temporal_split(make([]))
    with pytest.raises(InputError, match="negative"):
        temporal_split(make([(0, 1)]), valid_days=-1)
    with pytest.raises(InputError, match="same vocabularies"):
        given_files(make([(0, 1)]), make([(0, 1), (1, 2)]))


def test_given_files_keep_what_they_are_given() -> None:
    log = make([(0, 0), (0, 5)])
    split = given_files(log.take(np.array([True, False])), log.take(np.array([False, True])))
    assert len(split.test) == 0
    assert split.before_test.item.tolist() == [0, 1]
    assert join(split.train, split.valid).timestamp.tolist() == [0, 5]


def test_rolling_windows_end_with_the_ordinary_split() -> None:
    log = make([(n % 3, n * DAY) for n in range(40)])
    first, second, last = rolling_splits(log, 3, valid_days=5, test_days=4)
    ordinary = temporal_split(log, 5, 4)
    assert last.test.item.tolist() == ordinary.test.item.tolist() == [36, 37, 38, 39]
    assert second.test.item.tolist() == [32, 33, 34, 35]
    assert second.valid.item.tolist() == [27, 28, 29, 30, 31]
    assert first.train.item.tolist() == list(range(23))
    assert second.train.item.tolist() == list(range(27))


def test_too_many_windows_are_refused() -> None:
    log = make([(0, n * DAY) for n in range(12)])
    with pytest.raises(InputError, match="too short for 3 windows: 2 of"):
        rolling_splits(log, 3, valid_days=3, test_days=3)
    with pytest.raises(InputError, match="at least one window"):
        rolling_splits(log, 0)
    with pytest.raises(InputError, match="above 0"):
        rolling_splits(log, 2, valid_days=3, test_days=0)
