"""How the bundle that answers did on what happened after it was trained: no choice could have seen it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.domain.dataset import Interactions
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import NotFoundError
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.holdout import Holdout, build_holdout
from shoplens.service.bundle import open_bundle, read_manifest, trained_weights
from shoplens.service.bundle_pointer import current_version
from shoplens.service.dataset import read_interactions
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store


def current_bundle(workspace: Workspace) -> Path:
    """Folder of the bundle that answers; NotFoundError says how to get one."""
    version = current_version(workspace.bundles)
    if version is None:
        raise NotFoundError(
            f"{workspace.root} has no bundle yet; train one: shoplens train --workspace {workspace.root}"
        )
    return workspace.bundles / version


def trained_metrics(workspace: Workspace) -> dict[str, Any]:
    """What the training of the current bundle measured (its models before they were fitted again on everything)."""
    metrics: dict[str, Any] = read_manifest(current_bundle(workspace))["metrics"]
    return metrics


def forward_test(
    workspace: Workspace, store: Store, *, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, Evaluation]:
    """Every model of the current bundle on events newer than its training data; empty when there are none."""
    folder = current_bundle(workspace)
    manifest = read_manifest(folder)
    last_event = manifest["extra"].get("last_event")
    interactions, _ = read_interactions(store, trained_weights(manifest))
    if last_event is None or not (interactions.timestamp > last_event).any():
        return {}
    learned = open_bundle(folder)
    holdout = _holdout(interactions, learned.items, int(last_event), repeat=workspace.settings.train.repeat)
    result = {}
    for name, model in learned.models.items():
        result[name] = evaluate(
            model,
            holdout,
            progress=None if progress is None else lambda done, total, name=name: progress(name, done, total),  # type: ignore[misc]
        )
    return result


def _holdout(interactions: Interactions, items: Vocabulary, last_event: int, *, repeat: bool) -> Holdout:
    """Truth: what is newer than `last_event`. Products unknown to the bundle come after its own: misses."""
    new = [name for name in interactions.items.ids if name not in items]
    rows = Vocabulary([*items.ids, *new]).rows(interactions.items.ids)
    known = Interactions(
        interactions.users,
        items,
        interactions.user,
        rows[interactions.item].astype(np.int32),
        interactions.weight,
        interactions.timestamp,
        interactions.timed,
    )
    before = known.take((known.timestamp <= last_event) & (known.item < len(items)))
    return build_holdout(
        known.take(known.timestamp > last_event),
        history=before,
        trained_on=before,
        mask=None if repeat else before,
        now=last_event + 1,
    )
