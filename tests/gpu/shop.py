"""A shop small enough that a fit takes a second, with all that a network may read: two modalities, profiles, times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shoplens.domain.dataset import Modality, Profiles, TrainingData
from shoplens.models.fusion import FusionConfig
from shoplens.testing.recommenders import planted_data

PEOPLE, ITEMS = 160, 60
SMALL = FusionConfig(
    embedding_size=16,
    hidden_size=16,
    content_rank=8,
    layers=2,
    epochs=5,
    patience=8,
    batch_size=64,
    batch_tokens=256,
    samples_per_person=2,
    targets=1,
    learning_rate=2e-2,
    dropout=0.1,
    history_dropout=0.1,
    validation_people=60,
)


def shop(*, timed: bool = True) -> TrainingData:
    """The second modality is known of half the products; ages are known of three people in four."""
    planted = planted_data(PEOPLE, ITEMS, seed=3, timed=timed)
    (text,) = planted.modalities
    some = np.arange(ITEMS) % 2 == 1
    image = Modality("image", text.values[:, ::-1] * some[:, None], some)
    people = np.arange(PEOPLE)
    profiles = Profiles(
        {"club": (people % 3).astype(np.int32)},
        {"club": ["", "a", "b"]},
        {"age": np.where(people % 4 == 0, np.nan, people).astype(np.float32)},
    )
    return replace(planted, modalities=(text, image), profiles=profiles)
