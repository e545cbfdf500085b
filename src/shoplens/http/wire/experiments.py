"""Experiments over the wire."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shoplens.domain.experiments import MOST_ARMS, Arm, Experiment
from shoplens.domain.moments import told
from shoplens.http.wire.fields import NAME_PATTERN, Request, Told
from shoplens.http.wire.ranking import BoostIn
from shoplens.learning.metrics.sequential import Interval
from shoplens.service.experiment_report import ExperimentReport

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Share = Annotated[float, Field(gt=0, le=1)]


Source = Literal["model", "last_seen", "similar", "cart", "favourites", "repurchase", "trending", "popular", "new"]


class MarginIn(Request):
    """Lift by what an attribute says a product earns."""

    attribute: Annotated[str, Field(min_length=1, max_length=256)]
    by: float = Field(default=0.3, ge=-10, le=10)


class ArmIn(Request):
    """One way of answering. With neither a bundle nor settings: the shop as it is.

    Settings are those of a scenario. They stand instead of the shop's where a request says nothing itself, but for
    boosts, which add up."""

    name: Name
    share: Share
    bundle: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Version of a trained bundle that answers this arm's people."
    )
    scenario: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Where the settings hold; null: in every scenario."
    )
    sources: dict[Source, Annotated[float, Field(ge=0, le=1_000)]] | None = Field(
        default=None, description="Who proposes, and how much each counts; one of them above 0."
    )
    boost: list[BoostIn] | None = Field(default=None, min_length=1, max_length=20)
    diversity: float | None = Field(default=None, ge=0, le=1)
    exploration: float | None = Field(default=None, ge=0, le=1)
    freshness: float | None = Field(default=None, ge=-10, le=10)
    margin: MarginIn | None = None
    per_brand: int | None = Field(default=None, ge=1)
    per_category: int | None = Field(default=None, ge=1)

    def to_arm(self) -> Arm:
        """In terms of the shop."""
        return Arm(**self.model_dump(by_alias=True, exclude_none=True))


class ExperimentIn(Request):
    """Begin an experiment. The first arm is the control; shares sum to 1."""

    name: Name
    arms: list[ArmIn] = Field(min_length=2, max_length=MOST_ARMS)
    audience: Share = Field(default=1.0, description="Share of all people who take part.")
    note: str = Field(default="", max_length=2_000)

    def to_experiment(self) -> Experiment:
        """In terms of the shop. InputError for what makes no sense."""
        return Experiment(self.name, tuple(arm.to_arm() for arm in self.arms), self.audience, note=self.note)


class ArmOut(BaseModel):
    """One arm."""

    name: str
    share: float
    bundle: str | None
    scenario: str | None
    sources: dict[str, float] | None
    boost: list[dict[str, Any]] | None
    diversity: float | None
    exploration: float | None
    freshness: float | None
    margin: dict[str, Any] | None
    per_brand: int | None
    per_category: int | None


class ExperimentOut(BaseModel):
    """One experiment."""

    name: str
    arms: list[ArmOut]
    audience: float
    started: Told
    stopped: Told | None
    note: str


class ExperimentsAnswer(BaseModel):
    """All experiments, in the order of their beginnings."""

    experiments: list[ExperimentOut]


class IntervalOut(BaseModel):
    """A difference from the control, with a 95 % interval that holds at whatever time one looks."""

    difference: float
    low: float
    high: float
    decided: bool = Field(description="Whether the interval leaves zero out.")


class ArmFiguresOut(BaseModel):
    """What an arm's people did. `against_control`: null where too few people, or none of them doing it, say nothing."""

    name: str
    share: float
    people: int
    impressions: int
    figures: dict[str, float | None]
    against_control: dict[str, IntervalOut | None]


class ExperimentFigures(BaseModel):
    """An experiment so far."""

    experiment: ExperimentOut
    arms: list[ArmFiguresOut]
    window_days: float
    shares_p: float = Field(description="Always valid p-value of people per arm, if shares are as they should be.")
    mismatch: bool = Field(description="Whether people fell into arms as they should not: then believe no figure.")


def experiment_json(one: Experiment) -> dict[str, Any]:
    """`ExperimentOut` as plain JSON."""
    return asdict(one) | {"started": told(one.started), "stopped": told(one.stopped)}


def figures_json(found: ExperimentReport) -> dict[str, Any]:
    """`ExperimentFigures` as plain JSON."""
    return {
        "experiment": experiment_json(found.experiment),
        "arms": [
            asdict(arm) | {"against_control": {name: _interval(one) for name, one in arm.against_control.items()}}
            for arm in found.arms
        ],
        "window_days": found.window_days,
        "shares_p": found.shares_p,
        "mismatch": found.mismatch,
    }


def _interval(one: Interval | None) -> dict[str, Any] | None:
    return None if one is None else {"difference": one.value, "low": one.low, "high": one.high, "decided": one.decided}
