"""Experiments: who is in which arm. Whoever asks twice, in any process, gets the same answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from shoplens.errors import InputError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_ARMS = 20
ROUNDING = 1e-6  # of shares, which sum to 1
#: Settings of a scenario that an arm may have its own of.
SETTINGS = ("sources", "boost", "diversity", "exploration", "freshness", "margin", "per_brand", "per_category")


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the ways that are compared: a bundle of its own, settings of scenarios, or the shop as it is.

    Settings are as in `[scenario.NAME]`; they stand instead of the scenario's, where a request says nothing itself, but
    for boosts, which add up.
    """

    name: str
    share: float
    bundle: str | None = None  # version that answers; None: the one in use
    scenario: str | None = None  # where the settings hold; None: in every scenario
    sources: Mapping[str, float] | None = None  # who proposes, and how much each counts
    boost: Sequence[Mapping[str, Any]] | None = None  # {"filter", "by"}
    diversity: float | None = None
    exploration: float | None = None
    freshness: float | None = None
    margin: Mapping[str, Any] | None = None  # {"attribute", "by"}
    per_brand: int | None = None
    per_category: int | None = None

    @property
    def changes(self) -> set[str]:
        """What it answers with."""
        return {name for name in ("bundle", *SETTINGS) if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms for a share of all people. The first arm is the control.

    InputError for names that are no names, shares that do not sum to 1, less than two arms, or the same arm twice.
    """

    name: str
    arms: tuple[Arm, ...]
    audience: float = 1.0  # share of people that take part
    started: int = 0  # microseconds since 1970, UTC
    stopped: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in (self.name, *(arm.name for arm in self.arms)):
            if not NAME.fullmatch(name):
                raise InputError(f"{name!r}: names are small letters, digits, - and _, at most 64")
        if not 2 <= len(self.arms) <= MOST_ARMS:
            raise InputError(f"experiment {self.name}: {len(self.arms)} arms; it takes from 2 to {MOST_ARMS}")
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise InputError(f"experiment {self.name}: two arms have the same name")
        shares = [arm.share for arm in self.arms]
        if any(not 0 < share < 1 for share in shares) or abs(math.fsum(shares) - 1) > ROUNDING:
            raise InputError(f"experiment {self.name}: shares of arms lie between 0 and 1 and sum to 1, not {shares}")
        if not 0 < self.audience <= 1:
            raise InputError(f"experiment {self.name}: the audience is a share above 0, at most 1")
        for arm in self.arms:
            if arm.diversity is not None and not 0 <= arm.diversity <= 1:
                raise InputError(f"arm {arm.name}: diversity lies between 0 and 1")
            if arm.scenario is not None and arm.changes <= {"bundle"}:
                raise InputError(f"arm {arm.name}: say what differs in the scenario {arm.scenario!r}")

    def conflicts(self, other: Experiment) -> set[str]:
        """What both change, in the same places: they cannot run side by side, the later one would hide the other."""
        return {
            name
            for mine in self.arms
            for theirs in other.arms
            for name in mine.changes & theirs.changes
            if name == "bundle" or None in (mine.scenario, theirs.scenario) or mine.scenario == theirs.scenario
        }

    @property
    def places(self) -> set[str] | None:
        """The scenarios in which arms differ; None: everywhere. Answers elsewhere are the same in all arms."""
        differing = [arm for arm in self.arms if arm.changes]
        if not differing or any(arm.bundle is not None for arm in differing):
            return None
        named = {arm.scenario for arm in differing}
        return None if None in named else {name for name in named if name is not None}

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return self.arms[0]

    def arm_of(self, person: str) -> Arm | None:
        """The arm of a person (user_id, or session_id of a guest); None where they do not take part or it is over."""
        if self.stopped is not None:
            return None
        digest = blake2b(person.encode("utf-8", "surrogatepass"), digest_size=16, key=self.name.encode()).digest()
        if _share(digest[:8]) >= self.audience:
            return None
        place, below = _share(digest[8:]), 0.0
        for arm in self.arms:
            below += arm.share
            if place < below:
                return arm
        return self.arms[-1]


def _share(digest: bytes) -> float:
    """A number in [0, 1)."""
    return int.from_bytes(digest, "big") / 2**64


def arms_of(experiments: Mapping[str, Experiment], person: str | None) -> dict[str, Arm]:
    """Experiment → arm, of those that run and that the person takes part in."""
    if person is None:
        return {}
    found = {name: one.arm_of(person) for name, one in experiments.items()}
    return {name: arm for name, arm in found.items() if arm is not None}
