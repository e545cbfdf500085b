"""Learning from pairs: until products that check say stop, and on from where a killed run stood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shoplens.encoders.hub_device import choose_hardware
from shoplens.features.align.facets import Codes
from shoplens.learning.finetune.fitting import FitSettings, Fitted, fit

HARDWARE = choose_hardware("cpu", "fp32")


class Slope:
    """A line that is learnt; products that check may lie on another one."""

    def __init__(self, checked: float = 3.0) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.1))
        self.projections: nn.Module = nn.Linear(1, 1)
        self.x = torch.linspace(-1, 1, 40)[:, None]
        self.y = torch.cat([3.0 * self.x[:30], checked * self.x[30:]])

    def batches(self, size: int, random: np.random.Generator) -> list[Codes]:
        order = random.permutation(30)
        return [order[begin : begin + size] for begin in range(0, 30, size)]

    def checks(self, size: int) -> list[Codes]:
        return [np.arange(30, 40)]

    def loss(self, products: Codes, random: np.random.Generator) -> Tensor:
        rows = torch.from_numpy(products)
        noise = torch.from_numpy(random.normal(0, 0.01, (len(rows), 1)).astype(np.float32))
        loss: Tensor = (self.projections(self.network(self.x[rows])) + noise - self.y[rows]).square().mean()
        return loss


def run(task: Slope, epochs: int = 6, **more: object) -> tuple[Fitted, list[float]]:
    settings = FitSettings(epochs=epochs, batch=10, rate=0.05, projection_rate=0.05)
    fitted = fit(task, settings, hardware=HARDWARE, seed=1, **more)  # type: ignore[arg-type]
    return fitted, [value for one in task.network.parameters() for value in one.flatten().tolist()]


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
