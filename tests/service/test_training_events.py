"""How a log is cut into what is learnt from, validated on and tested on, however short it is."""

from __future__ import annotations

import numpy as np
import pytest

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import InputError
from shoplens.service.settings import TrainSettings
from shoplens.service.training_events import cut


def _log(days: list[int]) -> Interactions:
    n = len(days)
    return Interactions(
        Vocabulary(["u", "v"]),
        Vocabulary(["a", "b", "c", "d"]),
        (np.arange(n) % 2).astype(np.int32),
        (np.arange(n) % 4).astype(np.int32),
        np.ones(n, np.float32),
        np.array(days, np.int64) * MICROSECONDS_PER_DAY,
        timed=len(set(days)) > 1,
    )


def test_a_short_log_is_cut_by_fewer_days() -> None:
    split, note = cut(_log(list(range(21))), TrainSettings())
    assert "4 + 4 of 20 days" in note
    assert len(split.train) > len(split.valid) > 0 < len(split.test)


def test_a_stray_event_long_after_the_log_does_not_become_the_test() -> None:
    split, _ = cut(_log([*range(400), 3_000]), TrainSettings())
    assert len(split.test) > 30
    assert len(split.valid) > 30
    assert len(split.train) > 300


def test_a_log_without_time_is_cut_by_position_and_says_so() -> None:
    split, note = cut(_log([0] * 8), TrainSettings())
    assert len(split.test) == 2
    assert "better than they will be" in note


def test_too_little_is_refused() -> None:
    with pytest.raises(InputError, match="three events"):
        cut(_log([0, 0]), TrainSettings())
