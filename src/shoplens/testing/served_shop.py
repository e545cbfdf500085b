"""The tiny shop, trained with the simplest models and ready to answer: for tests of whatever stands before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.domain.dataset import Modality, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.base import Recommender
from shoplens.models.item_knn import ItemKNN
from shoplens.models.popularity import Popularity
from shoplens.service.bundle import write_bundle
from shoplens.service.bundle_pointer import promote
from shoplens.service.dataset import read_interactions
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import CATEGORIES, tiny_shop


def open_tiny_shop(
    folder: Path, *, trained: bool = True, content: bool = True, settings: Mapping[str, Any] | None = None
) -> Runtime:
    """A running shop in `folder`; close it when done. Without training it has products and events, but no bundle."""
    workspace = Workspace.create(folder)
    if settings:
        workspace = Workspace(folder, Settings.read(None, **settings))
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    if trained:
        train_tiny_shop(store, workspace.bundles, content=content)
    return Runtime(workspace, store)


def train_tiny_shop(
    store: Store, bundles: Path, *, content: bool = True, seed: int = 0, encoders: Mapping[str, str] | None = None
) -> str:
    """Fit, write and promote a bundle; returns its version. `encoders`: what the bundle says it was trained on."""
    interactions, profiles = read_interactions(store)
    modalities = (category_modality(store, interactions.items),) if content else ()
    data = TrainingData(interactions, modalities, profiles)
    models: dict[str, Recommender] = {"popularity": Popularity().fit(data), "item-knn": ItemKNN().fit(data)}
    folder = write_bundle(
        bundles,
        items=interactions.items,
        models=models,
        shipped="item-knn",
        modalities=modalities,
        metrics={"made_up": True},
        extra={"encoders": {"text": "tiny-1"} if encoders is None else encoders},
        seed=seed,
        people=interactions.users,
    )
    promote(bundles, folder.name)
    return folder.name


def category_modality(store: Store, items: Vocabulary) -> Modality:
    """A stand-in for text vectors: the category, a little disturbed, so that similar products are of one category."""
    known = store.catalogue.get(items.ids)
    return modality_of(
        [known[name].category[-1] if name in known and known[name].category else "" for name in items.ids]
    )


def modality_of(categories: list[str], *, seed: int = 0) -> Modality:
    """Vectors of these categories; absent where the category is not known."""
    names = list(CATEGORIES)
    values = np.random.default_rng(seed).normal(scale=0.1, size=(len(categories), 8)).astype(np.float32)
    present = np.zeros(len(categories), bool)
    for row, category in enumerate(categories):
        if category in names:
            values[row, names.index(category)] += 1.0
            present[row] = True
    return Modality("text", values, present)
