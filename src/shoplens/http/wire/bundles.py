"""Bundles and health over the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class BundleOut(BaseModel):
    """One trained bundle."""

    version: str
    current: bool
    created: str | None
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
    at: int = Field(description="Microseconds since 1970, UTC.")
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
    since: int = Field(description="Microseconds; neither has learnt from what came later.")
    people: int
    candidate_ndcg: float | None = Field(description="NDCG@20")
    current_ndcg: float | None
    difference: DifferenceOut | None
    accepted: bool
    why: str


class Health(BaseModel):
    """Whether this process may get requests."""

    status: Literal["ready", "degraded", "not ready"]
    reasons: list[str]
    bundle: str | None
    products: int
