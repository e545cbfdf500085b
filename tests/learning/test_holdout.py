from __future__ import annotations

import numpy as np

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
