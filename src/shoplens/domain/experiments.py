"""Experiments: who is in which arm. Whoever asks twice, in any process, gets the same answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from shoplens.errors import InputError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_ARMS = 20
ROUNDING = 1e-6  # of shares, which sum to 1


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the ways that are compared: a bundle of its own, other wishes, or, with neither, the shop as it is."""

    name: str
    share: float
    bundle: str | None = None  # version that answers; None: the one in use
    diversity: float | None = None  # instead of what the request says, where the request says nothing


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

    @property
    def changes(self) -> set[str]:
        """What its arms answer with: two experiments that change the same cannot run side by side."""
        return {name for arm in self.arms for name in ("bundle", "diversity") if getattr(arm, name) is not None}

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
