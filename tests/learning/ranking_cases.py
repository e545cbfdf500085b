"""People for whom one of two models is right, and holdouts to judge on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from learning_cases import GivenScores

from shoplens.domain.dataset import Histories, Interactions
from shoplens.domain.vocabulary import Vocabulary
from shoplens.learning.holdout import Holdout
from shoplens.models.base import Recommender

ITEMS = 150
LONG = 20  # events in a long history; a short one has 1


def two_views(people: int = 1000, *, depends: bool, seed: int = 0) -> tuple[dict[str, Recommender], Holdout]:
    """Each person takes one product. "early" sees it in short histories, "late" in long ones; when it does not depend
    on the history, both see it equally well."""
    random = np.random.default_rng(seed)
    long = np.arange(people) % 2 == 1
    truth = random.integers(ITEMS, size=people)
    models: dict[str, Recommender] = {}
    for name, sees in (("early", ~long), ("late", long)):
        scores = random.normal(size=(people, ITEMS))
        scores[np.arange(people), truth] += np.where(sees, 3.0, 0.0) if depends else 1.5
        models[name] = GivenScores(scores.astype(np.float32))
    length = np.where(long, LONG, 1)
    indptr = np.concatenate([[0], np.cumsum(length)])
    histories = Histories(
        indptr,
        random.integers(ITEMS, size=indptr[-1]).astype(np.int32),
        np.ones(indptr[-1], np.float32),
        np.zeros(indptr[-1], np.float32),
        np.arange(people, dtype=np.int32),
    )
    everybody = np.arange(people + 1)
    holdout = Holdout(
        np.arange(people, dtype=np.int32),
        histories,
        everybody.astype(np.int64),
        truth.astype(np.int32),
        np.zeros(people + 1, np.int64),
        np.zeros(0, np.int32),
        np.ones(ITEMS, np.int64),
    )
    return models, holdout


def one_sale_each(items: int = ITEMS, *, but: npt.NDArray[np.int64] | None = None) -> Interactions:
    """A log in which everything was bought once, `but` these rows."""
    sold = np.setdiff1d(np.arange(items), but if but is not None else [])
    return Interactions(
        Vocabulary(["u0"]),
        Vocabulary(f"p{row}" for row in range(items)),
        np.zeros(len(sold), np.int32),
        sold.astype(np.int32),
        np.ones(len(sold), np.float32),
        np.zeros(len(sold), np.int64),
        False,
    )
