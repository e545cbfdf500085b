"""The law of fading: a half-life halves, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from learning_cases import random_log

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import ConfigurationError
from shoplens.learning.recency import fade


@given(st.floats(1, 1000))
def test_an_event_one_half_life_old_counts_half(days: float) -> None:
    log = random_log()
    old, new = log.timestamp.argmin(), log.timestamp.argmax()
    faded = fade(log, days)
    age = (log.timestamp[new] - log.timestamp[old]) / MICROSECONDS_PER_DAY
    assert faded.weight[new] == log.weight[new]
    assert faded.weight[old] == pytest.approx(log.weight[old] * 0.5 ** (age / days), rel=1e-4, abs=1e-30)
    assert faded.timestamp is log.timestamp
    assert (np.sign(faded.weight) == np.sign(log.weight)).all() or days < 3  # what is too small to write becomes 0


def test_without_a_half_life_nothing_is_copied() -> None:
    log = random_log()
    assert fade(log, None) is log


def test_a_log_without_time_cannot_fade() -> None:
    with pytest.raises(ConfigurationError, match="leave it out"):
        fade(replace(random_log(), timed=False), 30.0)
    with pytest.raises(ConfigurationError, match="above 0"):
        fade(random_log(), -1.0)
