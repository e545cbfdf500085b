"""Experiments of a workspace: kept in `experiments.json`, seen by every process within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from shoplens.domain.experiments import Arm, Experiment
from shoplens.errors import ConflictError, InputError, NotFoundError, StoreError
from shoplens.service.bundle_pointer import bundle_folder

FILE = "experiments.json"
FORMAT = 1
MOST_RUNNING = 20  # experiments at once; each costs a request about a microsecond


class Experiments:
    """Start, stop, see. `running` is what requests look at; `follow` takes in what other processes did."""

    def __init__(self, root: Path, bundles: Path) -> None:
        self._file = root / FILE
        self._bundles = bundles
        self._stamp: tuple[int, int] | None = None
        self._all: Mapping[str, Experiment] = {}
        self._lock = threading.Lock()
        self.running: Mapping[str, Experiment] = {}
        self.follow()

    @property
    def all(self) -> Mapping[str, Experiment]:
        """Every experiment by name, in the order of their beginnings."""
        return self._all

    def get(self, name: str) -> Experiment:
        """One experiment; NotFoundError when there is none of that name."""
        found = self._all.get(name)
        if found is None:
            raise NotFoundError(f"no experiment {name!r}; see: shoplens experiments list")
        return found

    def start(self, experiment: Experiment) -> Experiment:
        """Begin. ConflictError when there was one of that name: its people would be in arms already. NotFoundError for
        a bundle that is not there. Only one running experiment may change what ranks."""
        for arm in experiment.arms:
            if arm.bundle is not None:
                bundle_folder(self._bundles, arm.bundle)
        with self._changing():
            if experiment.name in self._all:
                raise ConflictError(f"there was an experiment {experiment.name!r} already; give this one another name")
            if len(self.running) >= MOST_RUNNING:
                raise ConflictError(f"{MOST_RUNNING} experiments run already; stop one first")
            begun = replace(experiment, started=int(time.time() * 1e6), stopped=None)
            self._write({**self._all, begun.name: begun})
        return begun

    def stop(self, name: str) -> Experiment:
        """End: everybody gets the shop as it is. What was measured stays."""
        with self._changing():
            found = self.get(name)
            if found.stopped is None:
                found = replace(found, stopped=int(time.time() * 1e6))
                self._write({**self._all, name: found})
        return found

    def follow(self) -> bool:
        """Look at the file again, if it changed. Returns whether it did."""
        with self._lock:
            try:
                state = self._file.stat()
            except FileNotFoundError:
                stamp = None
            else:
                stamp = (state.st_mtime_ns, state.st_ino)
            if stamp == self._stamp:
                return False
            self._all = {} if stamp is None else _read(self._file)
            self._stamp = stamp
            self.running = {name: one for name, one in self._all.items() if one.stopped is None}
            return True

    def _changing(self) -> FileLock:
        """One process changes the file, from what it says now."""
        lock = FileLock(self._file.with_name(f".{FILE}.lock"))
        lock.acquire()
        self.follow()
        return lock

    def _write(self, experiments: Mapping[str, Experiment]) -> None:
        body = {"format": FORMAT, "experiments": [asdict(one) for one in experiments.values()]}
        partial = self._file.with_name(f".{FILE}.partial")
        partial.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2))
        partial.replace(self._file)
        self.follow()


def _read(file: Path) -> dict[str, Experiment]:
    try:
        body: Any = orjson.loads(file.read_bytes())
        if body["format"] != FORMAT:
            raise StoreError(f"{file}: format {body['format']} is not known to this version of Shoplens")
        return {one["name"]: read_experiment(one) for one in body["experiments"]}
    except (OSError, ValueError, TypeError, KeyError, InputError) as error:
        raise StoreError(f"{file} cannot be read ({error}); put it right or delete it") from error


def read_experiment(given: Mapping[str, Any]) -> Experiment:
    """From JSON or TOML. InputError for what makes no sense."""
    try:
        arms = tuple(Arm(**arm) for arm in given["arms"])
        return Experiment(**{**given, "arms": arms})
    except (TypeError, KeyError) as error:
        raise InputError(f"an experiment has name, arms (each with name and share) and audience: {error}") from error
