"""Scenarios over the wire, and who signs in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from shoplens.http.wire.fields import Id, Request
from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.scenarios import Scenario

RULES = ("pin", "min_stock", "price_band", "per_brand", "per_category")


class ScenarioOut(BaseModel):
    """What a request to this scenario gets where it says nothing itself; filters and rules always hold."""

    name: str
    about: str
    sources: dict[str, float] = Field(description="Who proposes products, and how much each counts.")
    n: int
    diversity: float
    exploration: float
    freshness: float
    repeat: bool | None
    filter: dict[str, Any] | None
    boost: list[dict[str, Any]]
    rules: dict[str, Any]


class ScenariosAnswer(BaseModel):
    """All scenarios, built-in ones first."""

    scenarios: list[ScenarioOut]


class SignInIn(Request):
    """Which session somebody signed in from."""

    session_id: Id


class SignedIn(BaseModel):
    """What became the person's."""

    user_id: str
    session_id: str
    events: int


def scenario_json(one: Scenario) -> dict[str, Any]:
    """`ScenarioOut` as plain JSON; of the rules only those that are set."""
    rules: dict[str, Any] = {name: value for name in RULES if (value := getattr(one, name)) not in (None, ())}
    if one.hide is not None:
        rules["hide"] = filter_json(one.hide)
    for name in ("margin", "cap"):
        if getattr(one, name) is not None:
            rules[name] = asdict(getattr(one, name))
    return {
        "name": one.name,
        "about": one.about,
        "sources": dict(one.sources),
        "n": one.n,
        "diversity": one.diversity,
        "exploration": one.exploration,
        "freshness": one.freshness,
        "repeat": one.repeat,
        "filter": None if one.filter is None else filter_json(one.filter),
        "boost": [{"filter": filter_json(boost.filter), "by": boost.by} for boost in one.boost],
        "rules": rules,
    }
