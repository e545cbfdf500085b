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


class Health(BaseModel):
    """Whether this process may get requests."""

    status: Literal["ready", "degraded", "not ready"]
    reasons: list[str]
    bundle: str | None
    products: int
