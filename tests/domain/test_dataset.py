"""Interactions and histories: nothing lost, nothing mixed, oldest first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.dataset import Histories, Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 50)), max_size=40)


def _interactions(entries: list[tuple[int, int, int]]) -> Interactions:
    user, item, day = (np.array([entry[k] for entry in entries], np.int64) for k in range(3))
    return Interactions(
        Vocabulary([f"u{n}" for n in range(5)]),
        Vocabulary([f"i{n}" for n in range(7)]),
        user.astype(np.int32),
        item.astype(np.int32),
        np.ones(len(entries), np.float32),
        day * MICROSECONDS_PER_DAY,
    )


@given(rows)
def test_histories_hold_each_event_once_and_in_order(entries: list[tuple[int, int, int]]) -> None:
    interactions = _interactions(entries)
    histories = interactions.histories()
    assert len(histories) == 5
    last_day = max((entry[2] for entry in entries), default=0)
    for person in range(5):
        one = histories.take(person, person + 1)
        mine = [(entry[1], entry[2]) for entry in entries if entry[0] == person]
        assert sorted(one.item.tolist()) == sorted(item for item, _ in mine)
        days = [round(last_day - age) for age in one.age_days.tolist()]
        assert days == sorted(day for _, day in mine)


@given(rows, st.lists(st.integers(0, 4), unique=True))
def test_histories_of_some_people_are_those_of_all(entries: list[tuple[int, int, int]], chosen: list[int]) -> None:
    interactions = _interactions(entries)
    everyone = interactions.histories()
    some = interactions.histories(np.array(chosen, np.int32))
    for place, person in enumerate(chosen):
        expected, found = everyone.take(person, person + 1), some.take(place, place + 1)
        np.testing.assert_array_equal(expected.item, found.item)
        np.testing.assert_array_equal(expected.age_days, found.age_days)


def test_one_person() -> None:
    empty = np.zeros(0, np.float32)
    assert len(Histories.of_one(np.zeros(0, np.int32), empty, empty)) == 1


def test_untimed_interactions_have_no_age() -> None:
    timed = _interactions([(0, 0, 0), (0, 1, 9)])
    untimed = Interactions(
        timed.users, timed.items, timed.user, timed.item, timed.weight, np.array([0, 1], np.int64), timed=False
    )
    assert untimed.histories().age_days.tolist() == [0.0, 0.0]
    assert untimed.histories().item.tolist() == [0, 1]
