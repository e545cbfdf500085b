"""The linear recommender: fit in closed form, answer by adding up a few sparse rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.dataset import Histories, TrainingData
from shoplens.errors import BundleError
from shoplens.models.base import Scores
from shoplens.models.folding import Folding, Matrix, column_counts, positives
from shoplens.models.linear.content import Borrowing, borrow
from shoplens.models.linear.relations import SCALE_SAMPLE, form_relations, sample_people, spread
from shoplens.models.linear.selection import select
from shoplens.models.linear.settings import LinearSettings
from shoplens.models.neighbours import Neighbours, one_by_one, strongest
from shoplens.models.on_demand import Added, Ground, OnDemand, Slates
from shoplens.models.popularity import decayed_counts

SPARSE = 100  # products for each relation of a history from which on passing over all of them is slower
TIE_BREAK = 1e-4  # standard deviations that the most popular product is ahead of one nobody bought
POPULARITY_HALF_LIFE_DAYS = 60.0  # as in models/popularity


class Linear:
    """score = (h / Σ|h|) B + repeat_weight · own purchases + a trace of popularity.

    h are the folded-in preferences, B the sparse item-to-item matrix (filter + EASE + content), scaled so that a
    typical person's scores have a standard deviation of 1. The same few lines answer evaluation and live requests.
    """

    name = "linear"

    def __init__(self, settings: LinearSettings | None = None, **changes: Any) -> None:
        # What was asked for, and what fit() made of it.
        self.settings = replace(settings or LinearSettings(), **changes)
        self.chosen = self.settings
        self._relations = Neighbours(sp.csr_matrix((0, 0), dtype=np.float32))
        self._know_popularity(np.zeros(0, np.float32))
        self._scorable: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._borrowing = Borrowing.nothing(0)

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        """Products that can be reached: bought by somebody, or like such a product. [n_items]"""
        return self._scorable

    def fit(self, data: TrainingData) -> Self:
        """Choose settings on hidden purchases (when `select`), then form the item-to-item matrix from everything."""
        interactions = data.interactions
        self.chosen = select(interactions, self.settings) if self.settings.select else self.settings
        matrix = positives(interactions)
        people = column_counts(matrix)
        relations = form_relations(matrix, self.chosen)
        self._relations = Neighbours(relations)
        sample = matrix[sample_people(matrix, SCALE_SAMPLE, self.chosen.seed)]
        relations.data *= np.float32(spread(self._relations.score(_to_unit_sum(sample))))
        self._borrowing = borrow(data.modalities, people, relations, self.chosen)
        counts = decayed_counts(interactions, POPULARITY_HALF_LIFE_DAYS)
        self._know_popularity((counts / max(counts.max(initial=0), 1e-12)).astype(np.float32))
        self._scorable = people > 0
        self._scorable[self._borrowing.rows] = True
        return self

    def again(self) -> Self:
        """An unfitted model with the settings that `fit` chose: what to fit on more data."""
        return type(self)(replace(self.chosen, select=False))

    def score(self, histories: Histories) -> Scores:
        """See `Recommender.score`; people without a history get the popular products."""
        if len(histories) == 1:
            return self._score_all(*self._speakers(histories), histories)[None, :]
        n_items = len(self._popularity)
        preferences = self._preferences(histories)
        scores = self._relations.score(preferences)
        self._borrowing.add(scores, preferences)
        if self.chosen.repeat_weight:
            again = self._repeating().rows(histories, n_items)
            row = np.repeat(np.arange(len(histories)), np.diff(again.indptr))
            scores[row, again.indices] += again.data * np.float32(self.chosen.repeat_weight)
        scores += self._ground.values
        return scores

    def score_one(self, history: Histories) -> OnDemand | npt.NDArray[np.float32]:
        """A live request: where it speaks of few products of a large catalogue, only those are touched."""
        items, value = self._speakers(history)
        n_items = len(self._popularity)
        if self._relations.entries(items) * SPARSE > n_items:
            return self._score_all(items, value, history)
        slate = self._slates.take()
        scored = Neighbours.add(self._relations.matrix, items, value, slate)
        written = [scored, self._borrowing.add_one(slate, items, value, scored), self._buy_again(history, slate)]
        return Added(self._ground, *self._slates.read(slate, written))

    def _score_all(
        self, items: npt.NDArray[np.int32], value: npt.NDArray[np.float32], history: Histories
    ) -> npt.NDArray[np.float32]:
        """One person's scores of all products, [n_items]: the sums of `score` without sparse matrices around a hundred
        numbers. `items`, `value`: see `_speakers`."""
        scores = self._relations.score_one(items, value)
        self._borrowing.add_one(scores, items, value)
        self._buy_again(history, scores)
        scores += self._ground.values
        return scores

    def _speakers(self, history: Histories) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """One person's preference row as `_preferences` has it: products, ascending, and their values."""
        items, value = self._folding().one_row(history)
        total = np.abs(value).cumsum(dtype=np.float64)  # added up in the order of the batch path
        if len(total) and total[-1]:
            value = value / np.float32(total[-1])
        if self._borrowing.speaks_in(items):
            items, value = self._borrowing.lend_one(items, value)
        return items, value

    def _buy_again(self, history: Histories, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """Add what one person's own purchases say to scores [n_items]; returns which products that were."""
        if not self.chosen.repeat_weight:
            return np.zeros(0, np.int32)
        again: npt.NDArray[np.int32]
        again, strength = self._repeating().one_row(history)
        scores[again] += strength * np.float32(self.chosen.repeat_weight)
        return again

    def explain(self, history: Histories, item: int, *, at_most: int = 3) -> list[tuple[int, float]]:
        """The products of one person's history that speak most for `item`: (item row, part of the score)."""
        preferences = self._fold(history)
        speakers = self._borrowing.lend(one_by_one(preferences))
        value = self._relations.contributions(speakers, self._borrowing.target(item))
        value += self._borrowing.likeness(speakers, item)
        return strongest(preferences.indices, value, at_most)

    def _know_popularity(self, popularity: npt.NDArray[np.float32]) -> None:
        """[n_items], within [0, 1]; and how far that puts each product ahead in every answer."""
        self._popularity = popularity
        self._ground = Ground.of(np.float32(TIE_BREAK) * popularity)
        self._slates = Slates(len(popularity))

    def _fold(self, histories: Histories) -> Matrix:
        return _to_unit_sum(self._folding().rows(histories, len(self._popularity)))

    def _folding(self) -> Folding:
        return Folding(self.chosen.half_life_days, self.chosen.half_life_events)

    def _repeating(self) -> Folding:
        return Folding(self.chosen.repeat_half_life_days, repeats="log")

    def _preferences(self, histories: Histories) -> Matrix:
        """Folded in, with new products speaking through their neighbours."""
        return self._borrowing.lend(self._fold(histories))

    def save(self, folder: Path) -> None:
        """See `Recommender.save`."""
        self._relations.save(folder)
        self._borrowing.save(folder)
        np.save(folder / "popularity.npy", self._popularity, allow_pickle=False)
        np.save(folder / "scorable.npy", self._scorable, allow_pickle=False)
        config = {"settings": asdict(self.settings), "chosen": asdict(self.chosen)}
        (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Recommender.load`."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            result = cls(_settings(config["settings"]))
            result.chosen = _settings(config["chosen"])
            result._know_popularity(np.load(folder / "popularity.npy", allow_pickle=False))
            result._scorable = np.load(folder / "scorable.npy", allow_pickle=False)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BundleError(f"{folder}: the linear model cannot be read ({error}); train again") from error
        result._relations = Neighbours.load(folder)
        result._borrowing = Borrowing.load(folder)
        return result


def _to_unit_sum(preferences: Matrix) -> Matrix:
    """Rows divided by the sum of their magnitudes, in place: long and short histories score on one scale."""
    total = np.bincount(
        np.repeat(np.arange(preferences.shape[0]), np.diff(preferences.indptr)),
        np.abs(preferences.data),
        preferences.shape[0],
    )
    total[total == 0] = 1
    preferences.data /= np.repeat(total, np.diff(preferences.indptr)).astype(np.float32)
    return preferences


def _settings(values: Mapping[str, Any]) -> LinearSettings:
    return LinearSettings(**{**values, "filter_steps": tuple(values["filter_steps"])})
