"""`bundles/<version>/models/`: each model writes and reads itself; only classes that are known are ever loaded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Recommender
from shoplens.registry import PARTS, find


def write_models(building: Path, models: Mapping[str, Recommender]) -> dict[str, str]:
    """Each model saves itself; returns name → "module:Class", or "@OTHER/MEMBER" for a model that another one contains
    (a blend its members) and therefore has saved already."""
    inside = {
        id(member): f"@{name}/{part}"
        for name, model in models.items()
        for part, member in getattr(model, "models", {}).items()
    }
    classes = {}
    for name, model in models.items():
        _check_name(name)
        if id(model) in inside:
            classes[name] = inside[id(model)]
            continue
        folder = building / "models" / name
        folder.mkdir(parents=True)
        model.save(folder)
        classes[name] = f"{type(model).__module__}:{type(model).__qualname__}"
    return classes


def load_models(
    folder: Path, targets: Mapping[str, str], classes: Mapping[str, type[Recommender]]
) -> dict[str, Recommender]:
    """The models of a manifest, in its order; one inside another is the same object, not a second copy in memory."""
    loaded: dict[str, Recommender] = {}
    for name, target in targets.items():
        _check_name(name)
        if not target.startswith("@"):
            loaded[name] = _load_model(folder / "models" / name, name, target, classes)
    for name, target in targets.items():
        if target.startswith("@"):
            owner, _, part = target[1:].partition("/")
            member = getattr(loaded.get(owner), "models", {}).get(part)
            if member is None:
                raise BundleError(f"{folder}: the manifest says that {name!r} is inside {owner!r}, which is not so")
            loaded[name] = member
    return {name: loaded[name] for name in targets}


def _check_name(name: str) -> None:
    if not name or name in (".", "..") or set(name) & set("/\\\0"):
        raise BundleError(f"{name!r} cannot be the name of a model: it becomes a folder")


def _load_model(folder: Path, name: str, target: str, classes: Mapping[str, type[Recommender]]) -> Recommender:
    """Only classes of this package, of the registry or of the caller are ever loaded."""
    known = {part.target for part in PARTS["models"].values()}
    module, _, attribute = target.partition(":")
    if name in classes:
        chosen: Any = classes[name]
    elif target in known or module.startswith("shoplens.models.") or module == "shoplens.models":
        chosen = getattr(import_module(module), attribute, None)
    else:
        try:
            chosen = find("models", name)
        except ConfigurationError as error:
            raise BundleError(f"{folder}: {error}") from error
    if chosen is None:
        raise BundleError(f"{folder}: there is no model {target} in this version of Shoplens; train again")
    try:
        loaded: Recommender = chosen.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{folder}: the model {name!r} cannot be loaded: {error}") from error
    return loaded
