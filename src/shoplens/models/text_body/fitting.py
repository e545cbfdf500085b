"""Fine-tunes a network until the validation, the epochs or the time say stop.

What was learnt is written down every two minutes and after every epoch: a run that was killed goes on from there and
ends where it would have ended (when it is the clock that ends it, as far as clocks agree). On another device than it
began on it goes on too, to about there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from shoplens.encoders.hub_device import Hardware, learning_hardware
from shoplens.models.checkpoint import read_state, write_state
from shoplens.models.text_body.layers import Average
from shoplens.models.text_body.settings import FineTuning

SAVED_EVERY = 120.0  # seconds
STEPS = 1_200  # about as many as learning takes, of few texts in more passes than of many
FEWEST, MOST = 3, 20  # passes, when their number is not set

Batch = TypeVar("Batch")
Progress = Callable[[int, int, dict[str, float]], None]  # steps done, of how many at most, figures of the latest


class Task(Protocol[Batch]):
    """What is learnt."""

    @property
    def network(self) -> nn.Module:
        """Body and head; what does not require a gradient stays as it is."""
        ...

    def groups(self) -> list[dict[str, Any]]:
        """See `layers.parameter_groups`."""
        ...

    def batches(self, random: np.random.Generator) -> Sequence[Batch]:
        """The batches of an epoch, in a new order; always as many."""
        ...

    def loss(self, batch: Batch) -> Tensor:
        """Of one batch."""
        ...

    def quality(self) -> float:
        """On texts that are not learnt from; higher is better."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """How it went."""

    epoch: int  # the one that was kept, from 1
    qualities: tuple[float, ...]  # after each epoch
    seconds: float
    device: str = "cpu"  # on which it learnt
    timed_out: bool = False  # whether its minutes were over before its epochs were


def fit(
    task: Task[Batch],
    settings: FineTuning,
    *,
    state: Path | None = None,
    fingerprint: str = "",
    progress: Progress | None = None,
    begun: float = 0.0,
) -> Fitted:
    """Train; the network ends as it was (on average over the last steps) after its best epoch, and on the CPU.

    The network is put on the device of the settings, where `task` must put what the network reads.
    `state`: where what was learnt so far is kept, with a `fingerprint` of data and settings; a file of another one is
    not read. The caller removes it when all is done. `begun`: seconds of the settings' minutes that others used up.
    """
    run = _Run(task, settings, state, fingerprint, progress, begun)
    kept = read_state(state, fingerprint) if state is not None else None
    if kept is not None:
        run.take_up(kept)
    while not run.over:
        run.learn()
    task.network.load_state_dict(run.best)
    task.network.cpu().eval()
    if progress is not None:
        progress(run.steps, run.steps, run.figures)
    seconds, device = run.seconds - begun, str(run.hardware.device)
    return Fitted(run.best_epoch, tuple(run.qualities), seconds, device, timed_out=run.cut_short or not run.learnt_all)


def hardware_of(settings: FineTuning) -> Hardware:
    """Where layers are read and learn, and in which precision; ConfigurationError for a device that is not there."""
    return learning_hardware(settings.device, settings.precision)


class _Run:
    """One fit: where it stands."""

    def __init__(
        self,
        task: Task[Any],
        settings: FineTuning,
        state: Path | None,
        fingerprint: str,
        progress: Progress | None,
        begun: float,
    ) -> None:
        self.task, self.settings, self.progress = task, settings, progress
        self.path, self.fingerprint = state, fingerprint
        self.hardware = hardware_of(settings)
        task.network.to(self.hardware.device)
        self.optimiser = torch.optim.AdamW(task.groups(), fused=True)
        self.average = Average(task.network, settings.averaging)
        self.epoch = self.place = 0  # whole epochs, and batches of the one under way
        self.an_epoch = len(task.batches(np.random.default_rng(settings.seed)))
        self.epochs = settings.epochs or min(max(round(STEPS / max(self.an_epoch, 1)), FEWEST), MOST)
        self.cut_short = False  # in the midst of an epoch, by the minutes
        self.qualities: list[float] = []
        self.best, self.best_epoch = dict(self.average.numbers), 0
        self.figures: dict[str, float] = {}
        self.first = self.spent = begun  # seconds at its start, and until now but for those of this process
        self.began = self.saved = time.perf_counter()

    @property
    def seconds(self) -> float:
        return self.spent + time.perf_counter() - self.began

    @property
    def steps(self) -> int:
        return self.epochs * self.an_epoch

    @property
    def timed_out(self) -> bool:
        return self.seconds >= 60 * self.settings.minutes

    @property
    def over(self) -> bool:
        return self.learnt_all or (self.timed_out and self.epoch > 0)

    @property
    def learnt_all(self) -> bool:
        """Whether more time would change nothing: no epochs are left, or they no longer help."""
        return self.epoch >= self.epochs or self.epoch - self.best_epoch >= self.settings.patience

    def learn(self) -> None:
        """One epoch, or what is left of it."""
        settings = self.settings
        if not self.place:
            torch.manual_seed(settings.seed * 1_000 + self.epoch)
        batches = self.task.batches(np.random.default_rng([settings.seed, self.epoch]))
        self.task.network.train()
        while self.place < len(batches) and not (self.timed_out and self.place):
            self.step(batches[self.place])
            self.place += 1
            self.report()
            if self.path is not None and time.perf_counter() - self.saved >= SAVED_EVERY:
                self.save()
        self.cut_short = self.place < len(batches)
        self.epoch, self.place = self.epoch + 1, 0
        self.judge()
        self.save()

    def step(self, batch: Any) -> None:
        """One step of the optimiser."""
        share = self.rate()
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * share
        with self.hardware.autocast():
            loss = self.task.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.task.network.parameters(), self.settings.clip)
        self.optimiser.step()
        self.average.add(self.task.network)
        latest = float(loss.detach())
        self.figures["loss"] = 0.95 * self.figures.get("loss", latest) + 0.05 * latest

    def rate(self) -> float:
        """Share of the learning rate: up in the first steps, then a line to zero when epochs or time are over."""
        steps = (self.epoch * self.an_epoch + self.place + 1) / (self.steps + 1)
        done = max(steps, (self.seconds - self.first) / max(60 * self.settings.minutes - self.first, 1e-9))
        if steps < self.settings.warmup:
            return steps / self.settings.warmup
        return max(0.0, (1 - done) / (1 - self.settings.warmup)) if self.settings.warmup < 1 else 1.0

    @torch.no_grad()
    def judge(self) -> None:
        """Keep the averaged numbers if they are the best so far."""
        network = self.task.network
        own = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.average.numbers)
        network.eval()
        self.qualities.append(self.task.quality())
        self.figures["quality"] = self.qualities[-1]
        network.load_state_dict(own)
        if not self.best_epoch or self.qualities[-1] > self.qualities[self.best_epoch - 1]:
            self.best, self.best_epoch = (
                {name: value.clone() for name, value in self.average.numbers.items()},
                self.epoch,
            )

    def report(self) -> None:
        if self.progress is not None:
            self.progress(self.epoch * self.an_epoch + self.place, self.steps, self.figures)

    def save(self) -> None:
        """Write down where it stands."""
        if self.path is None:
            return
        state = {
            "fingerprint": self.fingerprint,
            "weights": self.task.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": [self.average.numbers, self.average.steps],
            "best": [self.best, self.best_epoch],
            "stand": [self.epoch, self.place, self.seconds],
            "cut_short": self.cut_short,
            "told": [self.qualities, self.figures],
            "chance": torch.get_rng_state(),
            "chance_there": torch.cuda.get_rng_state(self.hardware.device) if self.on_cuda else None,
        }
        write_state(self.path, state)
        self.saved = time.perf_counter()

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on where a killed run was."""
        self.task.network.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        numbers, self.average.steps = state["average"]
        best, self.best_epoch = state["best"]
        self.average.numbers, self.best = self._here(numbers), self._here(best)
        self.epoch, self.place, self.spent = state["stand"]
        self.cut_short = state.get("cut_short", False)
        self.qualities, self.figures = state["told"]
        torch.set_rng_state(state["chance"])
        if self.on_cuda and state.get("chance_there") is not None:
            torch.cuda.set_rng_state(state["chance_there"], self.hardware.device)

    @property
    def on_cuda(self) -> bool:
        return self.hardware.device.type == "cuda"

    def _here(self, numbers: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value.to(self.hardware.device) for name, value in numbers.items()}
