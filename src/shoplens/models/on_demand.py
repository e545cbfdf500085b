"""One person's scores of a large catalogue, worked out where they are asked for.

Most of what a shop has may not be shown, or is nothing that a history speaks of. So a model may answer with what is the
same for everybody and what the history adds, and the few best are found without passes over the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories
from shoplens.models.base import Recommender

Rows = npt.NDArray[Any]  # of integers
Values = npt.NDArray[np.float32]

FEW = 64  # marks of the catalogue to look through in the time that sorting one row takes


#: An array over the catalogue, the same for everybody → its part over some rows. Whoever asks for the same rows again
#: may have kept it.
Take = Callable[[Values], Values]


class OnDemand(Protocol):
    """Scores of all products for one history, not yet worked out."""

    @property
    def spoken(self) -> Rows | None:
        """Products that the history speaks of, rising; None: of any."""
        ...

    @property
    def common(self) -> Values:
        """The same array for everybody: outside `spoken`, the best are among its largest. [n_items]"""
        ...

    @property
    def slack(self) -> float:
        """No product outside `spoken` scores more than `common` and this."""
        ...

    def at(self, rows: Rows, take: Take | None = None) -> Values:
        """Scores of these products; `take` gives the part of an array over these rows. [len(rows)]"""
        ...

    def mean(self) -> float:
        """Of the scores of all products."""
        ...

    def all(self) -> Values:
        """Scores of all products, a new array. [n_items]"""
        ...


def score_one(model: Recommender, history: Histories) -> OnDemand | Values:
    """The scores of one person by any model: those of its own `score_one`, which may leave them to be worked out on
    demand, else those of `score`. An array [n_items] is the caller's to change."""
    own = getattr(model, "score_one", None)
    scores: OnDemand | Values = model.score(history)[0] if own is None else own(history)
    return scores


@dataclass(frozen=True, slots=True)
class Ground:
    """What a model says of every product to everybody."""

    values: Values  # [n_items]
    mean: float

    @classmethod
    def of(cls, values: Values) -> Ground:
        """With what follows from it."""
        return cls(values, float(values.mean(dtype=np.float64)) if len(values) else 0.0)


class Added:
    """A ground, and what a history adds to few products: scores are `ground`, and `added + ground` at `spoken`."""

    def __init__(self, ground: Ground, spoken: Rows, added: Values) -> None:
        self.ground = ground
        self.common = ground.values
        self.spoken = spoken
        self.slack = 0.0
        self.added = added  # [len(spoken)]

    def at(self, rows: Rows, take: Take | None = None) -> Values:
        """See OnDemand."""
        return self.personal(rows) + (self.common[rows] if take is None else take(self.common))

    def personal(self, rows: Rows) -> Values:
        """What the history adds to these products, in any order. [len(rows)]"""
        if not len(self.spoken):
            return np.zeros(len(rows), np.float32)
        place = np.searchsorted(self.spoken, rows)
        place[place == len(self.spoken)] = 0
        return np.where(self.spoken[place] == rows, self.added[place], np.float32(0))

    def mean(self) -> float:
        """See OnDemand."""
        return self.ground.mean + float(self.added.sum(dtype=np.float64)) / max(len(self.common), 1)

    def all(self) -> Values:
        """See OnDemand."""
        scores = np.zeros(len(self.common), np.float32)
        scores[self.spoken] = self.added
        scores += self.common
        return scores


class Slates:
    """Zeros to write scores on, an array for each request that does so at the same time. Safe between threads."""

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items
        self._free: list[Values] = []

    def take(self) -> Values:
        """An empty one. [n_items]"""
        try:
            return self._free.pop()
        except IndexError:
            return np.zeros(self._n_items, np.float32)

    def read(self, slate: Values, written: list[Rows]) -> tuple[Rows, Values]:
        """What was written on it, rows rising, and take it back. `written`: all rows where something was, in any
        order."""
        rows = rows_in(written, self._n_items)
        values = slate[rows]
        slate[rows] = 0
        self._free.append(slate)
        return rows, values


def rows_in(pieces: list[Rows], n_items: int) -> Rows:
    """Rows that are in any of the pieces, rising, each once: by marking them, or by sorting when they are few."""
    rows = np.concatenate(pieces)
    if len(rows) * FEW > n_items:
        marked = np.zeros(n_items, np.bool_)
        marked[rows] = True
        return np.flatnonzero(marked)
    rows.sort()
    first = np.ones(len(rows), np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    return rows[first]
