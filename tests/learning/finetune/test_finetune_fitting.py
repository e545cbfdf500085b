"""Learning from pairs: until products that check say stop, and on from where a killed run stood."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import slope
from tests.slope import Slope

from shoplens.encoders.hub_device import choose_hardware
from shoplens.learning.finetune.fitting import FitSettings, Fitted, fit

HARDWARE = choose_hardware("cpu", "fp32")


def run(task: Slope, epochs: int = 6, **more: object) -> tuple[Fitted, list[float]]:
    return slope.run(task, HARDWARE, epochs, **more)


def test_it_learns_and_ends_as_it_was_after_its_best_epoch() -> None:
    fitted, _ = run(Slope())
    assert fitted.learnt
    assert fitted.losses[fitted.epoch] == min(fitted.losses) < fitted.losses[0]


def test_where_nothing_helps_the_network_stays_and_learning_ends_early() -> None:
    task = Slope(checked=-30.0)
    before = [value for one in task.network.parameters() for value in one.flatten().tolist()]
    fitted, after = run(task, epochs=50)
    assert (fitted.epoch, fitted.learnt) == (0, False)
    assert len(fitted.losses) == 3  # before learning, and two epochs of patience
    assert after == before


class KilledError(Exception):
    pass


def test_killed_after_two_epochs_it_ends_where_it_would_have_ended(tmp_path: Path) -> None:
    expected, numbers = run(Slope())
    state = tmp_path / "fit.checkpoint"

    def kill(done: int, _total: int) -> None:
        if done == 2:
            raise KilledError

    with pytest.raises(KilledError):
        run(Slope(), state=state, fingerprint="a", tell=kill)
    told: list[int] = []
    fitted, resumed = run(Slope(), state=state, fingerprint="a", tell=lambda done, _: told.append(done))
    assert told[0] == 3  # not from the beginning
    assert fitted.losses == expected.losses
    assert resumed == numbers


def test_what_was_left_of_other_data_is_not_used(tmp_path: Path) -> None:
    state = tmp_path / "fit.checkpoint"
    run(Slope(), epochs=2, state=state, fingerprint="a")
    told: list[int] = []
    run(Slope(), epochs=2, state=state, fingerprint="b", tell=lambda done, _: told.append(done))
    assert told[0] == 1


def test_time_is_bounded() -> None:
    settings = FitSettings(epochs=1_000_000, minutes=0.002, patience=1_000_000, batch=10)
    assert fit(Slope(), settings, hardware=HARDWARE, seed=0).seconds < 5
