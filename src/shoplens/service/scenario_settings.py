"""[scenario.NAME] in shoplens.toml: read, checked, and laid over what it is based on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shoplens.errors import ConfigurationError, InputError
from shoplens.recommend.filters import Filter, parse_filter
from shoplens.recommend.rules import MOST, Boost, Cap, Margin
from shoplens.recommend.scenarios import BUILT_IN, MOST_SCENARIOS, Scenario
from shoplens.recommend.sources import SOURCES


class BoostSettings(BaseModel):
    """Lift what the filter keeps."""

    model_config = ConfigDict(extra="forbid")

    filter: dict[str, Any]
    by: float = Field(default=1.0, ge=-10, le=10)  # standard deviations of a person's scores

    @field_validator("filter")
    @classmethod
    def _can_be_read(cls, given: dict[str, Any]) -> dict[str, Any]:
        _filter(given)
        return given


class MarginSettings(BaseModel):
    """Lift by what an attribute says a product earns."""

    model_config = ConfigDict(extra="forbid")

    attribute: str = Field(min_length=1)
    by: float = Field(default=0.3, ge=-10, le=10)


class CapSettings(BaseModel):
    """How often the same person is shown the same product."""

    model_config = ConfigDict(extra="forbid")

    times: int = Field(default=1, ge=1, le=1_000)
    days: float = Field(default=7.0, gt=0, le=365)


class RuleSettings(BaseModel):
    """The shop's own rules."""

    model_config = ConfigDict(extra="forbid")

    pin: tuple[str, ...] = Field(default=(), max_length=100)
    hide: dict[str, Any] | None = None  # a filter: what it keeps is never shown here
    min_stock: float | None = Field(default=None, ge=0)
    price_band: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(gt=0)]] | None = None
    margin: MarginSettings | None = None
    per_brand: int | None = Field(default=None, ge=1)
    per_category: int | None = Field(default=None, ge=1)
    cap: CapSettings | None = None

    @field_validator("hide")
    @classmethod
    def _can_be_read(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            _filter(given)
        return given


class ScenarioSettings(BaseModel):
    """One scenario. What is not said comes from `based_on`, by default the built-in one of the same name, else home."""

    model_config = ConfigDict(extra="forbid")

    based_on: str | None = None
    about: str = ""
    sources: dict[str, float] = {}  # name → how much its proposals count
    n: int = Field(default=10, ge=1, le=MOST)
    filter: dict[str, Any] | None = None
    boost: list[BoostSettings] = Field(default=[], max_length=20)
    diversity: float = Field(default=0.0, ge=0, le=1)
    exploration: float = Field(default=0.0, ge=0, le=1)
    freshness: float = Field(default=0.0, ge=-10, le=10)
    repeat: bool | None = None
    rules: RuleSettings = RuleSettings()

    @field_validator("filter")
    @classmethod
    def _can_be_read(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            _filter(given)
        return given

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, given: dict[str, float]) -> dict[str, float]:
        unknown = given.keys() - SOURCES.keys()
        if unknown:
            raise ValueError(f"there is no source {', '.join(sorted(unknown))}; there are {', '.join(SOURCES)}")
        if any(not 0 <= weight <= 1_000 for weight in given.values()) or not any(given.values()):
            raise ValueError("how much a source counts lies between 0 and 1000, for one of them above 0")
        return given

    def over(self, base: Scenario, name: str) -> Scenario:
        """The scenario of this name: `base` with what is said here."""
        said = self.model_fields_set - {"based_on", "rules", "sources", "filter", "boost"}
        changes: dict[str, Any] = {one: getattr(self, one) for one in said}
        if self.sources:
            changes["sources"] = tuple(self.sources.items())
        if self.filter is not None:
            changes["filter"] = _filter(self.filter)
        if self.boost:
            changes["boost"] = tuple(Boost(_filter(one.filter), one.by) for one in self.boost)
        for one in self.rules.model_fields_set:
            changes[one] = _rule(getattr(self.rules, one), one)
        return replace(base, name=name, **changes)


def scenarios_of(settings: Mapping[str, ScenarioSettings]) -> dict[str, Scenario]:
    """The built-in scenarios and the shop's own, by name. ConfigurationError for one that is based on nothing."""
    found = dict(BUILT_IN)
    if len(settings) > MOST_SCENARIOS:
        raise ConfigurationError(f"{len(settings)} scenarios; {MOST_SCENARIOS} at most")
    for name, one in settings.items():
        base = one.based_on or (name if name in BUILT_IN else "home")
        if base not in found:
            raise ConfigurationError(
                f"scenario.{name}.based_on: there is no {base!r} above it; there are {', '.join(found)}"
            )
        found[name] = one.over(found[base], name)
    return found


def _filter(given: Mapping[str, Any]) -> Filter:
    try:
        return parse_filter(given)
    except InputError as error:
        raise ValueError(str(error)) from error


def _rule(value: Any, name: str) -> Any:
    """A rule as the pipeline knows it."""
    if isinstance(value, MarginSettings):
        return Margin(value.attribute, value.by)
    if isinstance(value, CapSettings):
        return Cap(value.times, value.days)
    if name == "hide" and value is not None:
        return _filter(value)
    return value
