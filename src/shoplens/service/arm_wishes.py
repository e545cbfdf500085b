"""What an arm of an experiment changes in the wishes of its people: scenario settings, read once for many requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from shoplens.domain.experiments import SETTINGS, Arm
from shoplens.errors import InputError
from shoplens.recommend.rules import Boost, Wish
from shoplens.recommend.scenarios import Scenario
from shoplens.service.scenario_settings import RuleSettings, ScenarioSettings


@dataclass(frozen=True, slots=True)
class ArmWish:
    """Of one arm. `scenario` None: in every scenario."""

    scenario: str | None
    instead: Mapping[str, Any]  # fields of Wish
    boost: tuple[Boost, ...]

    def over(self, wish: Wish) -> Wish:
        """The wish in this arm: what the request says itself goes before, boosts add up."""
        if self.scenario is not None and self.scenario != wish.scenario:
            return wish
        changed = {name: value for name, value in self.instead.items() if name not in wish.said}
        if self.boost:
            changed["boost"] = (*wish.boost, *self.boost)
        return replace(wish, **changed) if changed else wish


def arm_wish(arm: Arm) -> ArmWish | None:
    """What an arm changes, None: nothing but perhaps the bundle. InputError for settings that make no sense."""
    said = {name: value for name in SETTINGS if (value := getattr(arm, name)) is not None}
    if not said:
        return None
    rules = {name: value for name, value in said.items() if name in RuleSettings.model_fields}
    plain = {name: value for name, value in said.items() if name not in rules}
    try:
        read = ScenarioSettings.model_validate({**plain, "rules": rules}).over(Scenario(name="arm"), "arm")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part != "rules")
        raise InputError(f"arm {arm.name}: {place}: {str(first['msg']).removeprefix('Value error, ')}") from error
    instead = {name: getattr(read, name) for name in said if name != "boost"}
    return ArmWish(arm.scenario, instead, read.boost)
