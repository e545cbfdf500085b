"""Who is in which arm."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.experiments import Arm, Experiment, arms_of
from shoplens.errors import InputError

HALVES = Experiment("order", (Arm("now", 0.5), Arm("new", 0.5, diversity=0.3)))


@given(st.text())
def test_whoever_comes_again_is_in_the_same_arm(person: str) -> None:
    again = Experiment("order", (Arm("now", 0.5), Arm("new", 0.5)))
    first, second = HALVES.arm_of(person), again.arm_of(person)
    assert first is not None
    assert second is not None
    assert first.name == second.name


def test_shares_are_kept_and_experiments_are_independent() -> None:
    other = Experiment("colour", (Arm("now", 0.2), Arm("new", 0.8)), audience=0.5)
    people = [f"person {number}" for number in range(20_000)]
    both = Counter((HALVES.arm_of(one).name, arm.name if (arm := other.arm_of(one)) else None) for one in people)  # type: ignore[union-attr]
    expected = {("now", None): 0.25, ("new", None): 0.25, ("now", "now"): 0.05, ("new", "new"): 0.2}
    for pair, share in expected.items():
        assert both[pair] / len(people) == pytest.approx(share, abs=0.01)


def test_nobody_takes_part_in_what_is_over() -> None:
    over = Experiment("order", HALVES.arms, stopped=5)
    assert over.arm_of("ann") is None
    assert arms_of({"order": HALVES, "over": over}, "ann").keys() == {"order"}
    assert arms_of({"order": HALVES}, None) == {}


@pytest.mark.parametrize(
    ("name", "arms", "audience"),
    [
        ("Order", HALVES.arms, 1.0),
        ("", HALVES.arms, 1.0),
        ("../x", HALVES.arms, 1.0),
        ("order", HALVES.arms[:1], 1.0),
        ("order", (Arm("a", 0.5), Arm("a", 0.5)), 1.0),
        ("order", (Arm("a", 0.5), Arm("b", 0.4)), 1.0),
        ("order", (Arm("a", 1.5), Arm("b", -0.5)), 1.0),
        ("order", (Arm("a", float("nan")), Arm("b", 0.5)), 1.0),
        ("order", HALVES.arms, 0.0),
        ("order", (Arm("a", 0.5), Arm("b", 0.5, diversity=2.0)), 1.0),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, arms: tuple[Arm, ...], audience: float) -> None:
    with pytest.raises(InputError):
        Experiment(name, arms, audience)
