"""What a trial sets, and the questions that a search asks about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY, EventType, EventWeights, event_weights
from shoplens.errors import ConfigurationError
from shoplens.learning.holdout import Holdout
from shoplens.learning.model_settings import Table, default_settings
from shoplens.models.search_space import HALF_LIVES, LEAST_SHARE, SPACES, UNIT_EVENTS, WEIGHT_FACTORS, Value

HALF_LIFE, WEIGHTS = "half_life_days", "event_weights"


class Weigh(Protocol):
    """The same validation with events that weigh otherwise. Can be pickled, for workers in other processes.

    Truth and mask must not depend on the weights, else trials would be judged on different questions.
    """

    def __call__(self, weights: EventWeights) -> tuple[Interactions, Holdout]:
        """What to learn from, and validation with histories of those weights."""
        ...

    def kinds(self) -> Mapping[EventType, int]:
        """How often each event type occurs in what is learnt from."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that can be tuned, as the table [train] of shoplens.toml has it."""

    tables: Mapping[str, Table] = field(default_factory=dict)  # model → settings that differ from its defaults
    half_life_days: float | None = None
    event_weights: Mapping[str, float] = field(default_factory=dict)  # event type → weight, where not the default

    def with_answers(self, answers: Mapping[str, Value]) -> Setup:
        """This setup with other values; `answers`: the name of a question → value."""
        tables = {name: dict(table) for name, table in self.tables.items()}
        weights = dict(self.event_weights)
        half_life = self.half_life_days
        for name, value in answers.items():
            part, _, setting = name.partition(".")
            if name == HALF_LIFE:
                half_life = None if value is None else float(value)
            elif part == WEIGHTS:
                weights[setting] = float(value or 0.0)
            elif setting in tables.get(part, {}) or value != default_settings(part, {})[setting]:
                tables.setdefault(part, {})[setting] = value
        return replace(self, tables=tables, half_life_days=half_life, event_weights=weights)

    def as_train_table(self) -> dict[str, Any]:
        """For TOML; None, which TOML cannot say, means that the name must not be in the file."""
        table: dict[str, Any] = {HALF_LIFE: self.half_life_days}
        if self.event_weights:
            table[WEIGHTS] = dict(self.event_weights)
        return {**table, **{name: dict(one) for name, one in self.tables.items() if one}}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to choose. `values[0]` is the one in force."""

    name: str  # "fusion.dropout", "half_life_days", "event_weights.view"
    values: tuple[Value, ...]


def ask(
    setup: Setup, models: Sequence[str], interactions: Interactions, weigh: Weigh | None, search: Sequence[str] = ()
) -> tuple[Question, ...]:
    """The questions about `search`: models, "half_life_days", "event_weights" (default: all that the data allow).

    ConfigurationError when a name is unknown or nothing is left to search.
    """
    possible = [name for name in models if name in SPACES]
    possible += [HALF_LIFE] if interactions.timed else []
    possible += [WEIGHTS] if weigh is not None else []
    for name in search:
        if name not in possible:
            raise ConfigurationError(f"{name!r} cannot be searched here; what can: {', '.join(possible) or 'nothing'}")
    questions: list[Question] = []
    for name in search or possible:
        if name == HALF_LIFE:
            questions.append(_question(name, setup.half_life_days, _half_lives(interactions)))
        elif name == WEIGHTS and weigh is not None:
            questions.extend(_about_weights(setup, weigh))
        else:
            now = default_settings(name, setup.tables.get(name, {}))
            questions.extend(
                _question(f"{name}.{one}", now[one], values) for one, values in SPACES[name].items() if one in now
            )
    questions = [one for one in questions if len(one.values) > 1]
    if not questions:
        raise ConfigurationError("there is nothing to search for these models and events; name others with --model")
    return tuple(questions)


def _question(name: str, now: Value, values: Sequence[Value]) -> Question:
    return Question(name, (now, *(one for one in values if one != now)))


def _half_lives(interactions: Interactions) -> list[float | None]:
    """Those that are shorter than the log: longer ones hardly differ from none."""
    times = interactions.timestamp
    days = float(times.max() - times.min()) / MICROSECONDS_PER_DAY if len(times) else 0.0
    return [one for one in HALF_LIVES if one is None or one < days]


def _about_weights(setup: Setup, weigh: Weigh) -> list[Question]:
    kinds = weigh.kinds()
    total = sum(kinds.values())
    now = event_weights(setup.event_weights)
    asked = [kind for kind, count in kinds.items() if kind not in UNIT_EVENTS and count >= LEAST_SHARE * total]
    if len(kinds) < 2:  # one kind of event: its weight is only a scale
        return []
    return [
        _question(
            f"{WEIGHTS}.{kind.value}",
            now[kind],
            [float(np.clip(round(now[kind] * factor, 3), -1, 1)) for factor in WEIGHT_FACTORS],
        )
        for kind in asked
        if now[kind]
    ]
