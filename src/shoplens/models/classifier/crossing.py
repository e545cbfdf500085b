"""Several networks, each fine-tuned without another part of the examples, and the mean of their weights.

Each example is judged by the network that did not learn from it. What answers costs what one network does and has
learnt from all examples: networks that were fine-tuned from the same start may be averaged number by number, and are
then about as good as all of them asked (Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from shoplens.encoders.e5_torch import E5Body
from shoplens.models.classifier.base import Floats, Progress, Rows
from shoplens.models.classifier.folds import FOLDS
from shoplens.models.classifier.training import ClassTask, Lessons, fine_tune
from shoplens.models.text_body.fitting import Fitted
from shoplens.models.text_body.settings import FineTuning

SLACK = 1.1  # times the seconds of the first network: what another one is expected to take at most
PASSES = 3  # of each of several networks at most: more would not fit into the minutes that one takes
MOST_ASKED = 1_000  # examples that the mean of the networks is tried on


@dataclass(frozen=True, slots=True)
class Crossed:
    """What was learnt, and what was said of examples by a network that did not learn from them."""

    task: ClassTask  # with the network that answers
    first: ClassTask  # with the network of the first part, which judges that
    judged: Rows  # [n] which lessons were judged, by place; part after part
    logits: Floats  # [n, classes]
    fitted: tuple[Fitted, ...]  # of each network
    answering: int | None  # number of the network that answers; None: the mean of all
    settings: FineTuning  # by which each learnt

    def course(self) -> dict[str, object]:
        """How it went: epoch and qualities of the network that answers, of the first where all do; seconds of all."""
        one = self.fitted[self.answering or 0]
        return {
            "networks": len(self.fitted) if self.answering is None else 1,
            "epoch": one.epoch,
            "qualities": list(one.qualities),
            "seconds": round(sum(one.seconds for one in self.fitted), 1),
            "device": one.device,
        }


def fine_tune_crosswise(
    body: E5Body,
    lessons: Lessons,
    parts: Sequence[Rows],
    classes: int,
    settings: FineTuning,
    *,
    state: Path | None,
    told: str,
    tell: Progress,
) -> Crossed:
    """A network for each of the `parts` (places in `lessons`), as long as the settings' minutes suffice for one more;
    at least one. `state`, `told`: see `training.fine_tune`; beside `state` stand files of the same name and a number.
    """
    if len(parts) > 1:
        settings = replace(settings, epochs=min(settings.epochs or PASSES, PASSES))
    everything = np.arange(len(lessons.rows))
    tasks: list[ClassTask] = []
    fitted: list[Fitted] = []
    for number, part in enumerate(parts):
        spent = sum(one.seconds for one in fitted)
        if fitted and spent + SLACK * fitted[0].seconds > 60 * settings.minutes:
            break
        learnt, judged = lessons.part(np.setdiff1d(everything, part)), lessons.part(part)
        task, one = fine_tune(
            body, learnt, judged, classes, settings, told=told, tell=_of_all(tell, number, len(parts)), begun=spent,
            state=None if state is None else _state_of(state, number),
        )  # fmt: skip
        tasks.append(task)
        fitted.append(one)
    judged_rows = np.concatenate(parts[: len(tasks)])
    logits = np.concatenate([task.judged_logits() for task in tasks])
    right = float((logits.argmax(1) == lessons.rows[judged_rows]).mean())
    mean = _mean(body, tasks, lessons, settings) if len(tasks) > 1 else None
    if mean is None or mean.accuracy() < right:  # it has learnt from most of what it was asked: it must be better
        best = max(range(len(tasks)), key=lambda number: fitted[number].qualities[fitted[number].epoch - 1])
        return Crossed(tasks[best], tasks[0], judged_rows, logits, tuple(fitted), best, settings)
    return Crossed(mean, tasks[0], judged_rows, logits, tuple(fitted), None, settings)


def forget_states(state: Path) -> None:
    """Remove what networks kept of their learning when all is done."""
    for number in range(FOLDS):
        _state_of(state, number).unlink(missing_ok=True)


def _state_of(state: Path, number: int) -> Path:
    """Where the network of that number keeps what it learnt so far."""
    return state.with_name(f"{state.name}.{number}") if number else state


def _mean(body: E5Body, tasks: Sequence[ClassTask], lessons: Lessons, settings: FineTuning) -> ClassTask:
    """The mean of some networks, to be judged by some of the lessons."""
    chosen = np.random.default_rng(settings.seed).permutation(len(lessons.rows))[:MOST_ASKED]
    task = ClassTask(body, lessons, lessons.part(chosen), tasks[0].head.out.out_features, settings)
    each = [one.network.state_dict() for one in tasks]
    task.network.load_state_dict({name: torch.stack([one[name] for one in each]).mean(0) for name in each[0]})
    task.network.eval()
    return task


def _of_all(tell: Progress, number: int, parts: int) -> Progress:
    """Progress of one network as a share of that of all."""
    return lambda what, done, total: tell(what, number * total + done, parts * total)
