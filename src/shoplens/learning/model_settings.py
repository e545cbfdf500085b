"""Tables of settings, as in `[train.fusion]`, as factories of models.

What a model can be set to is read off its constructor: the fields of the dataclass that it takes first
(`FusionConfig`, `LinearSettings`), or its own keyword parameters. So a new field, or a model from outside, needs no
line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from shoplens import registry
from shoplens.errors import ConfigurationError
from shoplens.models.base import Recommender

Table = Mapping[str, Any]


def make_factories(
    tables: Mapping[str, Table], seed: int, models: tuple[str, ...] = ()
) -> dict[str, Callable[[], Recommender]]:
    """How to make each model: those with a table, and all of `models`, with `seed` where a model takes one.

    ConfigurationError names the table, the field, and what is allowed.
    """
    factories: dict[str, Callable[[], Recommender]] = {}
    for name in dict.fromkeys([*models, *tables]):
        factories[name] = _factory(name, tables.get(name, {}), seed)
        factories[name]()  # a wrong value is refused now, not after an hour of fitting
    return factories


def default_settings(name: str, table: Table) -> dict[str, Any]:
    """Every setting of a model with its value: what `table` says, else the model's default."""
    kind = registry.find("models", name)
    holder = _dataclass_of(kind)
    if holder is not None:
        made = _build(name, holder, _checked(name, table, get_type_hints(holder)))
        return {one.name: getattr(made, one.name) for one in fields(holder)}
    defaults = {one.name: one.default for one in _keywords(kind)}
    return {**defaults, **_checked(name, table, {one: _hints(kind).get(one, Any) for one in defaults})}


def _factory(name: str, table: Table, seed: int) -> Callable[[], Recommender]:
    kind = registry.find("models", name)
    holder = _dataclass_of(kind)
    known = {one.name for one in fields(holder)} if holder is not None else {one.name for one in _keywords(kind)}
    seeded = {"seed": seed, **table} if "seed" in known else dict(table)
    if holder is not None:
        settings = _build(name, holder, _checked(name, seeded, get_type_hints(holder)))
        return lambda: kind(settings)
    hints = _hints(kind)
    given = _checked(name, seeded, {one: hints.get(one, Any) for one in known})
    return lambda: _named(name, lambda: kind(**given))


def _build(name: str, holder: Any, values: dict[str, Any]) -> Any:
    """The dataclass of settings; its own refusals get the name of the table in front."""
    return _named(name, lambda: holder.from_dict(values) if hasattr(holder, "from_dict") else holder(**values))


def _named(name: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ConfigurationError as error:
        raise ConfigurationError(f"[train.{name}] {error}") from error


def _checked(name: str, table: Table, hints: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table as the types of its fields; numbers may come as text from the environment."""
    checked: dict[str, Any] = {}
    for field, value in table.items():
        if field not in hints:
            raise ConfigurationError(
                f"[train.{name}] has no setting {field!r}; it has: {', '.join(sorted(hints)) or 'none at all'}"
            )
        try:
            checked[field] = TypeAdapter(hints[field]).validate_python(value)
        except ValidationError as error:
            wrong = error.errors()[0]["msg"]
            allowed = getattr(hints[field], "__name__", str(hints[field])).replace(" | None", " (or leave it out)")
            raise ConfigurationError(f"[train.{name}] {field} is {value!r}: {wrong}; write {allowed}") from error
    return checked


def _dataclass_of(kind: Any) -> Any | None:
    """The dataclass of settings that a model takes as its first argument, if it does."""
    first = next((one for one in _parameters(kind) if one.kind is one.POSITIONAL_OR_KEYWORD), None)
    if first is None:
        return None
    hint = _hints(kind).get(first.name)
    return next((one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one)), None)


def _keywords(kind: Any) -> list[inspect.Parameter]:
    return [one for one in _parameters(kind) if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


def _parameters(kind: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(kind).parameters.values())


def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind.__init__)
