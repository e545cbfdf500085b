"""Bundles and health over the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from shoplens.http.wire.fields import Request, Told


class BundleOut(BaseModel):
    """One trained bundle."""

    version: str
    current: bool
    created: Told | None
    items: int | None
    shipped: str | None = Field(description="Name of the model that answers.")
    metrics: dict[str, Any]
    problem: str | None = Field(description="Why it cannot be used.")


class BundlesAnswer(BaseModel):
    """All bundles, newest first."""

    bundles: list[BundleOut]


class Switched(BaseModel):
    """Which bundle answers now, and which did before."""

    current: str
    before: str | None


class HistoryEntry(BaseModel):
    """One thing that became of a bundle."""

    what: Literal["promoted", "refused", "failed", "rolled_back"]
    why: str
    bundle: str | None
    before: str | None = Field(description="Which answered until then, or answers again.")
    reason: str | None = Field(description="Why there was a training.")
    figures: dict[str, Any]
    at: Told
    events: int = Field(description="In the store then.")


class HistoryAnswer(BaseModel):
    """Newest first."""

    history: list[HistoryEntry]


class DifferenceOut(BaseModel):
    """Candidate − current, with a 95 % paired bootstrap interval."""

    mean: float
    low: float
    high: float
    p_value: float


class VerdictOut(BaseModel):
    """What the newest days say about a bundle beside the one that answers."""

    candidate: str | None
    current: str | None
    since: Told = Field(description="Neither has learnt from what came later.")
    people: int
    candidate_ndcg: float | None = Field(description="NDCG@20")
    current_ndcg: float | None
    difference: DifferenceOut | None
    accepted: bool
    why: str


class ReplayIn(Request):
    """What is to be estimated."""

    days: float = Field(default=28.0, gt=0, le=365, description="Days that are looked back.")
    places: int = Field(default=1, ge=1, le=20, description="Places of each answer, from the first.")
    reward: Literal["click", "cart", "purchase"] = "click"


class EstimateOut(BaseModel):
    """Rewards an answer, with a 95 % interval by resampling people."""

    value: float
    low: float
    high: float


class OffPolicyOut(BaseModel):
    """What the log says about the bundle."""

    answers: int
    people: int
    logged: EstimateOut = Field(description="What was really earned.")
    ips: EstimateOut
    snips: EstimateOut
    dr: EstimateOut
    gain: EstimateOut = Field(description="dr − logged.")
    effective: float = Field(description="Answers that the weighted ones are worth.")
    covered: float = Field(description="Share of what the bundle would show that the log can speak of; noisy around 1.")
    refused: str | None = Field(description="Why none of this should be believed.")


class ReplayOut(BaseModel):
    """An estimate, and what it rests on."""

    bundle: str | None
    reward: str
    places: int
    found: OffPolicyOut
    left_out: dict[str, int] = Field(description="Answers that say nothing, by reason.")


class Health(BaseModel):
    """Whether this process may get requests."""

    status: Literal["ready", "degraded", "not ready"]
    reasons: list[str]
    bundle: str | None
    products: int
