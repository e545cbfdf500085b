"""Learns the upper part of a network from pairs, until products that check say stop, or the time is over.

What was learnt is written down after every epoch: a run that was killed goes on from there and ends where it would have
ended. Every epoch draws its own random numbers from the seed and its number, so that nothing else need be kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from shoplens.encoders.hub_device import Hardware
from shoplens.features.align.facets import Codes
from shoplens.models.checkpoint import read_state, write_state

WARMING = 0.1  # share of the steps in which the rate rises
LARGEST_STEP = 1.0  # norm of a gradient


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How long and how fast."""

    epochs: int = 8
    minutes: float = 10.0  # of learning at most
    batch: int = 64  # photos
    rate: float = 2e-4  # of the network
    projection_rate: float = 1e-3  # of the space in which photos and texts meet
    decay: float = 0.05
    patience: int = 2  # epochs without a better check before learning ends


class Task(Protocol):
    """What is fine-tuned, and how well a batch fits."""

    @property
    def network(self) -> nn.Module:
        """Whose upper part learns."""
        ...

    @property
    def projections(self) -> nn.Module:
        """What brings both sides together; not kept."""
        ...

    def batches(self, size: int, random: np.random.Generator) -> list[Codes]:
        """Products of an epoch."""
        ...

    def checks(self, size: int) -> list[Codes]:
        """Products that say when to stop."""
        ...

    def loss(self, products: Codes, random: np.random.Generator) -> Tensor:
        """Of one batch."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """How it went."""

    epoch: int  # the best one on the products that check; 0 = nothing helped, the network is as it was
    losses: tuple[float, ...]  # of these products, before learning and after each epoch
    seconds: float

    @property
    def learnt(self) -> bool:
        """Whether there is anything new."""
        return self.epoch > 0


def fit(
    task: Task,
    settings: FitSettings,
    *,
    hardware: Hardware,
    seed: int,
    state: Path | None = None,
    fingerprint: str = "",
    tell: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Train; the network ends as it was after its best epoch.

    `state`: where what was learnt so far is kept, with a `fingerprint` of data and settings; a file of another one is
    not read. The caller removes it when all is done.
    """
    run = _Run(task, settings, hardware, seed)
    if state is not None and (kept := read_state(state, fingerprint)) is not None:
        run.take_up(kept)
    if not run.losses:
        run.check()
    while not run.over:
        run.learn()
        run.check()
        if state is not None:
            write_state(state, {"fingerprint": fingerprint, **run.state()})
        if tell is not None:
            tell(run.epoch, settings.epochs)
    if tell is not None:
        tell(settings.epochs, settings.epochs)
    return run.finish()


class _Run:
    """One fit: where it stands."""

    def __init__(self, task: Task, settings: FitSettings, hardware: Hardware, seed: int) -> None:
        self.task, self.settings, self.hardware, self.seed = task, settings, hardware, seed
        self.modules = nn.ModuleDict({"network": task.network, "projections": task.projections}).to(hardware.device)
        self.learning = {name: value for name, value in self.modules.named_parameters() if value.requires_grad}
        upper = [value for name, value in self.learning.items() if name.startswith("network.")]
        rest = [value for name, value in self.learning.items() if not name.startswith("network.")]
        self.optimiser = torch.optim.AdamW(
            [{"params": upper, "rate": settings.rate}, {"params": rest, "rate": settings.projection_rate}],
            weight_decay=settings.decay,
        )
        self.epoch = 0
        self.losses: list[float] = []
        self.best_epoch = 0
        self.best = self.numbers()
        self.spent = 0.0  # seconds, those of runs before included
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return self.spent + time.perf_counter() - self.began

    @property
    def over(self) -> bool:
        tired = self.epoch - self.best_epoch >= self.settings.patience
        return self.epoch >= self.settings.epochs or tired or self.seconds >= self.settings.minutes * 60

    def learn(self) -> None:
        """One epoch."""
        torch.manual_seed(self.seed * 1_000 + self.epoch)
        random = np.random.default_rng([self.seed, self.epoch])
        self.modules.train()
        batches = self.task.batches(self.settings.batch, random)
        for place, products in enumerate(batches):
            done = (self.epoch + place / len(batches)) / self.settings.epochs
            self.set_rate(max(done, self.seconds / (self.settings.minutes * 60)), done)
            self.optimiser.zero_grad()
            with self.hardware.autocast():
                loss = self.task.loss(products, random)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.learning.values(), LARGEST_STEP)
            self.optimiser.step()
            if self.seconds >= self.settings.minutes * 60:
                break
        self.epoch += 1

    def set_rate(self, over: float, done: float) -> None:
        """Up in the first steps, then down along a cosine until epochs or time are over."""
        share = min(1.0, (done + 1e-3) / WARMING) * 0.5 * (1 + math.cos(math.pi * min(over, 1.0)))
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * share

    def check(self) -> None:
        """How well products fit that are not learnt from; the best state is kept."""
        self.modules.eval()
        random = np.random.default_rng(self.seed)
        total, many = 0.0, 0
        with torch.no_grad(), self.hardware.autocast():
            for products in self.task.checks(self.settings.batch):
                total += float(self.task.loss(products, random)) * len(products)
                many += len(products)
        self.losses.append(total / max(many, 1))
        if self.losses[-1] < min(self.losses[:-1], default=math.inf):
            self.best_epoch, self.best = self.epoch, self.numbers()

    def numbers(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.learning.items()}

    def state(self) -> dict[str, Any]:
        """For a file."""
        return {
            "epoch": self.epoch,
            "losses": self.losses,
            "best_epoch": self.best_epoch,
            "best": self.best,
            "numbers": self.numbers(),
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
        }

    def take_up(self, kept: dict[str, Any]) -> None:
        """Go on from there."""
        self.epoch, self.losses, self.best_epoch = kept["epoch"], list(kept["losses"]), kept["best_epoch"]
        self.best, self.spent = kept["best"], kept["seconds"]
        self.put(kept["numbers"])
        self.optimiser.load_state_dict(kept["optimiser"])

    def put(self, numbers: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.learning.items():
                value.copy_(numbers[name])

    def finish(self) -> Fitted:
        self.put(self.best)
        self.modules.eval()
        return Fitted(self.best_epoch, tuple(self.losses), round(self.seconds, 1))
