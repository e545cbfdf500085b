"""Networks that learn side by side: the same as one after the other, told of together."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from shoplens.features.align.head_training import Fitted, HeadSettings, Tell, fit_heads
from shoplens.features.align.side_by_side import Job, fit_side_by_side

SETTINGS = HeadSettings(units=8, batch=16, epochs=3)
INPUTS = np.random.default_rng(0).standard_normal((48, 6), np.float32)
CODES = (INPUTS[:, :1] > 0).astype(np.int64)


def job(tell: Tell, *, seed: int) -> Fitted:
    return fit_heads(INPUTS, np.arange(len(INPUTS)), CODES, [slice(0, 2)], SETTINGS, seed=seed, tell=tell)


def test_they_learn_what_they_learn_alone_and_tell_of_all() -> None:
    told: list[tuple[int, int]] = []
    threads = torch.get_num_threads()
    jobs: list[Job] = [partial(job, seed=seed) for seed in range(4)]
    together = fit_side_by_side(jobs, [SETTINGS.epochs] * 4, lambda done, total: told.append((done, total)))
    alone = [job(lambda _done, _most: None, seed=seed) for seed in range(4)]
    for one, other in zip(together, alone, strict=True):
        assert np.allclose(one.network.hidden, other.network.hidden, atol=1e-5)
    assert not np.allclose(together[0].network.hidden, together[1].network.hidden)
    assert told == [(done, 12) for done in range(1, 13)]
    assert torch.get_num_threads() == threads


def test_what_one_of_them_cannot_do_is_said() -> None:
    def broken(_tell: Tell) -> Fitted:
        raise ValueError("no")

    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="no"):
        fit_side_by_side([broken, partial(job, seed=0)], [3, 3], lambda _done, _total: None)
    assert torch.get_num_threads() == threads
