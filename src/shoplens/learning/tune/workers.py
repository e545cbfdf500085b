"""Trials in several processes that share one study."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna

from shoplens.errors import ShoplensError
from shoplens.learning.tune.study import open_storage, pruner, sampler
from shoplens.learning.tune.trial import Task, run_trial

log = logging.getLogger(__name__)
LOOK_EVERY = 0.5  # seconds between looks at the study


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop."""

    trials: int | None  # still to run
    deadline: float | None  # on time.monotonic(), which is one clock for all processes of a machine

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline


def run_workers(task: Task, url: str, study: str, jobs: int, budget: Budget, tell: Callable[[], None]) -> None:
    """Run trials in `jobs` processes until the budget is spent; each gets its share of the cores.

    A deliberate refusal in a worker is raised here as it is, any other failure as RuntimeError with the worker's own
    traceback; Ctrl-C (KeyboardInterrupt) ends the workers at once.
    """
    context = multiprocessing.get_context("spawn")  # a fork of a process with torch's threads can hang
    tickets = context.Value("q", -1 if budget.trials is None else budget.trials)
    failures = context.SimpleQueue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    workers = [
        context.Process(
            target=work,
            args=(task, url, study, number, threads, budget, tickets, failures),
            name=f"shoplens-tune-{number}",
            daemon=True,
        )
        for number in range(1, jobs + 1)
    ]
    try:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers) and failures.empty():
            time.sleep(LOOK_EVERY)
            tell()
        if not failures.empty():
            raise failures.get()
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
    for worker in workers:
        if worker.exitcode not in (0, -signal.SIGTERM):
            log.warning("%s was ended by signal %s; for lack of memory, use fewer jobs", worker.name, worker.exitcode)
    tell()


def work(
    task: Task, url: str, name: str, number: int, threads: int, budget: Budget, tickets: Any, failures: Any
) -> None:
    """What one worker does: take a ticket, run a trial, again."""
    import torch
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; the parent decides
    torch.set_num_threads(threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parent = os.getppid()
    try:
        with threadpool_limits(threads), open_storage(url) as storage:
            study = optuna.load_study(
                study_name=name,
                storage=storage,
                sampler=sampler(task.seed, storage, name, number),
                pruner=pruner(),
            )
            while _take(tickets) and not budget.over and os.getppid() == parent:
                study.optimize(lambda trial: run_trial(task, trial), n_trials=1)
    except ShoplensError as error:
        failures.put(error)
    except Exception:  # whatever it is, the parent raises it: nothing is swallowed
        failures.put(RuntimeError(f"a trial failed in worker {number}:\n{traceback.format_exc()}"))


def _take(tickets: Any) -> bool:
    """Whether one more trial may run."""
    with tickets.get_lock():
        if tickets.value > 0:
            tickets.value -= 1
            return True
        return bool(tickets.value < 0)
