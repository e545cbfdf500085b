from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.dataset import Interactions
from shoplens.domain.vocabulary import Vocabulary
from shoplens.learning.holdout import Holdout, build_holdout

USERS = Vocabulary("abcd")
ITEMS = Vocabulary(f"p{n}" for n in range(6))


def part(*rows: tuple[int, int, float, int]) -> Interactions:
    columns = np.array(rows, np.float64).reshape(-1, 4).T
    return Interactions(
        USERS,
        ITEMS,
        columns[0].astype(np.int32),
        columns[1].astype(np.int32),
        columns[2].astype(np.float32),
        columns[3].astype(np.int64),
        timed=False,
    )


TRAIN = part((0, 0, 1, 1), (0, 1, 1, 2), (1, 2, 1, 1), (2, 0, 1, 9))
TRUTH = part((0, 1, 1, 5), (0, 2, 1, 6), (0, 2, 1, 7), (1, 4, 1, 5), (1, 4, -1, 6), (2, 5, 1, 5), (3, 0, 1, 5))


def build() -> Holdout:
    return build_holdout(TRUTH, history=TRAIN, trained_on=TRAIN, mask=TRAIN)


def test_truth_is_what_was_wanted_once_each_and_not_masked() -> None:
    holdout = build()
    assert holdout.user.tolist() == [0, 2, 3]  # b's purchase was refunded
    assert holdout.truth_indptr.tolist() == [0, 1, 2, 3]
    assert holdout.truth_item.tolist() == [2, 5, 0]  # a's product 1 is masked
    assert holdout.mask_item.tolist() == [0, 1]  # c's came later
    assert holdout.mask_indptr.tolist() == [0, 2, 2, 2]
    assert holdout.relevant.tolist() == [1, 1, 1]


def test_history_never_holds_what_came_later() -> None:
    holdout = build()
    assert holdout.history_length.tolist() == [2, 0, 0]  # c's training event is later than the truth
    assert holdout.histories.item.tolist() == [0, 1]
    assert holdout.histories.profile.tolist() == [0, 2, 3]


def test_cold_products_are_those_without_a_training_event() -> None:
    holdout = build()
    assert holdout.is_cold(np.array([0, 2, 5, 77], np.int32)).tolist() == [False, False, True, True]


def test_take_keeps_each_persons_own_rows() -> None:
    holdout = build().take(np.array([2, 0]))
    assert holdout.user.tolist() == [3, 0]
    assert holdout.truth_item.tolist() == [0, 2]
    assert holdout.mask_indptr.tolist() == [0, 0, 2]
    assert holdout.histories.indptr.tolist() == [0, 0, 2]
    assert holdout.histories.profile.tolist() == [3, 0]
    assert holdout.history_length.tolist() == [0, 2]


events = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from([-1.0, 0.3, 1.0]), st.integers(0, 30)), max_size=40
)


@given(events, st.integers(1, 30))
def test_laws_of_a_holdout(rows: list[tuple[int, int, float, int]], now: int) -> None:
    history = part(*(row for row in rows if row[3] < now))
    truth = part(*(row for row in rows if row[3] >= now))
    everything = part(*rows)  # also what comes later: it must be dropped
    holdout = build_holdout(truth, history=everything, trained_on=history, mask=everything, now=now)
    same = build_holdout(truth, history=history, trained_on=history, mask=history, now=now)
    assert holdout.histories.item.tolist() == same.histories.item.tolist()
    assert holdout.mask_item.tolist() == same.mask_item.tolist()
    assert (holdout.relevant >= 1).all()
    assert holdout.history_length.tolist() == [int((history.user == user).sum()) for user in holdout.user]
    for n in range(len(holdout)):
        wanted = holdout.truth_item[holdout.truth_indptr[n] : holdout.truth_indptr[n + 1]].tolist()
        masked = holdout.mask_item[holdout.mask_indptr[n] : holdout.mask_indptr[n + 1]].tolist()
        assert wanted == sorted(set(wanted))
        assert masked == sorted(set(masked))
        assert not set(wanted) & set(masked)
