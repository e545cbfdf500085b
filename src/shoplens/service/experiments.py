"""Experiments of a workspace: kept in `experiments.json`, seen by every process within a second."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shoplens.domain.experiments import Arm, Experiment
from shoplens.errors import ConflictError, InputError, NotFoundError, did_you_mean
from shoplens.recommend.scenarios import BUILT_IN
from shoplens.service.arm_wishes import ArmWish, arm_wish
from shoplens.service.bundle_pointer import bundle_folder
from shoplens.service.shared_file import SharedFile

FILE = "experiments.json"
MOST_RUNNING = 20  # experiments at once; each costs a request about a microsecond


@dataclass(frozen=True, slots=True)
class _Known:
    """All experiments by name, and those of them that run."""

    all: Mapping[str, Experiment]
    running: Mapping[str, Experiment]
    wishes: Mapping[tuple[str, str], ArmWish]  # of (experiment, arm), of those that run and change wishes


class Experiments:
    """Start, stop, see. `running` is what requests look at; `follow` takes in what other processes did.

    A damaged file stops no shop: `problem` says what is wrong with it, people get the shop as it was, and whatever
    asks for experiments is refused until the file is put right."""

    def __init__(self, root: Path, bundles: Path) -> None:
        self._bundles = bundles
        self._file = SharedFile(root / FILE, _read, _Known({}, {}, {}), lenient=True)

    @property
    def all(self) -> Mapping[str, Experiment]:
        """Every experiment by name, in the order of their beginnings. StoreUnavailableError: see `problem`."""
        return self._file.checked().all

    @property
    def problem(self) -> str | None:
        """Why the file cannot be used."""
        return self._file.problem

    @property
    def running(self) -> Mapping[str, Experiment]:
        """Those that people take part in."""
        return self._file.content.running

    @property
    def wishes(self) -> Mapping[tuple[str, str], ArmWish]:
        """(experiment, arm) → what the arm changes in wishes, of those that run."""
        return self._file.content.wishes

    def bundles_in_use(self) -> set[str]:
        """Bundles that arms of running experiments answer with. StoreUnavailableError: see `problem`."""
        running = (one for one in self.all.values() if one.name in self.running)
        return {arm.bundle for one in running for arm in one.arms if arm.bundle is not None}

    def get(self, name: str) -> Experiment:
        """One experiment; NotFoundError when there is none of that name."""
        found = self.all.get(name)
        if found is None:
            hint = did_you_mean(name, self.all)
            raise NotFoundError(f"no experiment {name!r}; {hint}see: shoplens experiments list")
        return found

    def start(self, experiment: Experiment, scenarios: Collection[str] = BUILT_IN) -> Experiment:
        """Begin. NotFoundError for a bundle that is not there, InputError for settings that make no sense or of none of
        the shop's `scenarios`. ConflictError when there was one of that name, whose people would be in arms already, or
        when a running one changes the same: the later one would hide the other."""
        for arm in experiment.arms:
            if arm.bundle is not None:
                bundle_folder(self._bundles, arm.bundle)
            if arm.scenario is not None and arm.scenario not in scenarios:
                hint = did_you_mean(arm.scenario, scenarios)
                raise InputError(
                    f"arm {arm.name}: there is no scenario {arm.scenario!r}; {hint}see: shoplens scenarios"
                )
            arm_wish(arm)
        with self._file.changing():
            if experiment.name in self.all:
                raise ConflictError(f"there was an experiment {experiment.name!r} already; give this one another name")
            if len(self.running) >= MOST_RUNNING:
                raise ConflictError(f"{MOST_RUNNING} experiments run already; stop one first")
            for other in self.running.values():
                both = sorted(experiment.conflicts(other))
                if both:
                    raise ConflictError(f"experiment {other.name!r} runs and changes {' and '.join(both)} too; stop it")
            begun = replace(experiment, started=int(time.time() * 1e6), stopped=None)
            self._write({**self.all, begun.name: begun})
        return begun

    def stop(self, name: str, why: str = "") -> Experiment:
        """End: everybody gets the shop as it is. What was measured stays. `why` is added to the note."""
        with self._file.changing():
            found = self.get(name)
            if found.stopped is None:
                note = "; ".join(one for one in (found.note, why) if one)
                found = replace(found, stopped=int(time.time() * 1e6), note=note)
                self._write({**self.all, name: found})
        return found

    def follow(self) -> bool:
        """Look at the file again. Returns whether what is known changed."""
        return self._file.follow()

    def _write(self, experiments: Mapping[str, Experiment]) -> None:
        self._file.write([_entry(one) for one in experiments.values()])


def _read(entries: list[dict[str, Any]]) -> _Known:
    found = [Experiment(**{**entry, "arms": tuple(Arm(**arm) for arm in entry["arms"])}) for entry in entries]
    running = {one.name: one for one in found if one.stopped is None}
    wishes = {(one.name, arm.name): arm_wish(arm) for one in running.values() for arm in one.arms}
    changing = {place: wish for place, wish in wishes.items() if wish is not None}
    return _Known({one.name: one for one in found}, running, changing)


def _entry(experiment: Experiment) -> dict[str, Any]:
    """As it stands in the file: of arms only what they say, which an older Shoplens reads too."""
    arms = [{name: value for name, value in asdict(arm).items() if value is not None} for arm in experiment.arms]
    return asdict(experiment) | {"arms": arms}
