"""A text encoder of a few thousand random numbers, and a shop in which one word of each text says who wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch

from shoplens.domain.dataset import Interactions, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.encoders.e5_torch import TransformerLayer
from shoplens.encoders.packed_e5 import Sizes
from shoplens.models.content_ranker import ContentRanker

TASTES = ("gluten", "vegan", "spicy", "sugarless")
NOISE = tuple(f"word{number}" for number in range(12))
QUICK: dict[str, Any] = {
    "embedding_size": 16,
    "head_epochs": 1,
    "epochs": 3,
    "steps_an_epoch": 30,
    "batch_size": 32,
    "texts_a_step": 64,
    "encoder_learning_rate": 1e-3,
    "learning_rate": 5e-3,
    "validation_people": 30,
    "precision": "float32",
}


class TinyBody:
    """Two layers of 32 numbers, seeded; words are hashed to ids."""

    name = "tiny/1"
    sizes = Sizes(hidden=32, layers=2, heads=2, feed_forward=64, vocabulary=997, positions=64, epsilon=1e-5)

    def __init__(self) -> None:
        self.read = 0  # texts cut into tokens so far
        self._words = torch.randn(997, 32, generator=torch.Generator().manual_seed(0))

    def tokens(self, texts: Sequence[str], longest: int) -> list[npt.NDArray[np.int64]]:
        self.read += len(texts)
        return [np.array([0, *(crc32(word.encode()) % 997 for word in one.split())][:longest]) for one in texts]

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.embedding(ids, self._words)

    def layer(self, number: int) -> TransformerLayer:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            return TransformerLayer(self.sizes)


def reading_shop(people: int = 90, items: int = 120, new: int = 40, *, seed: int = 0) -> TrainingData:
    """People want one taste; the other seven words of a text are noise that plain similarity follows.

    The last `new` products have texts nobody has seen. Product j has taste j % 4, person u wants taste u % 4.
    """
    rng = np.random.default_rng(seed)
    texts = []
    for row in range(items):
        words = [*rng.choice(NOISE, 7, replace=False), TASTES[row % 4]]
        texts.append(" ".join(rng.permutation(words)))
    user, item = [], []
    for person in range(people):
        liked = np.arange(person % 4, items - new, 4)
        chosen = rng.choice(liked, 8, replace=False)
        stray = rng.choice(items - new, 1)
        item += [*chosen.tolist(), *stray.tolist()]
        user += [person] * 9
    moment = rng.permutation(len(user)) * (MICROSECONDS_PER_DAY // 10)
    interactions = Interactions(
        Vocabulary(f"u{row}" for row in range(people)),
        Vocabulary(f"p{row}" for row in range(items)),
        np.array(user, np.int32),
        np.array(item, np.int32),
        rng.choice(np.array([0.3, 1.0], np.float32), len(user)),
        moment.astype(np.int64),
        True,
    )
    return TrainingData(interactions, texts=tuple(texts))


def quick_ranker(**settings: Any) -> ContentRanker:
    return ContentRanker(body=TinyBody(), **{**QUICK, **settings})


def recall_of_new(model: ContentRanker, data: TrainingData, new: int = 40, top: int = 10) -> float:
    """Share of the first ten of the new products that are of the person's taste; .25 by chance."""
    scores = model.score(data.interactions.histories())[:, -new:]
    best = np.argsort(-scores, axis=1)[:, :top] + len(data.interactions.items) - new
    return float((best % 4 == (np.arange(len(scores)) % 4)[:, None]).mean())
