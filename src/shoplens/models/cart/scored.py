"""What is asked of the cart's model, and what it says: signals one by one, scores, and which source they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.cart.habits import NONE, Habits
from shoplens.models.cart.settings import Situation

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """One cart in rows of the catalogue."""

    items: Rows  # what is in the cart and what is looked at; a row comes once
    weight: Values  # what each says, 1 for what is in the cart
    habits: Habits = NONE

    @property
    def situation(self) -> Situation | None:
        """What is known; None: nothing."""
        if len(self.items):
            return "cart and person" if len(self.habits) else "cart"
        return "person" if len(self.habits) else None


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for which product outside the cart: name of SOURCE_OF → [len(rows)], the largest of each is 1."""

    rows: Rows  # rising
    values: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of the whole catalogue, and what each source added to those that anything but popularity speaks for."""

    total: Values  # [n_items]
    rows: Rows  # rising
    parts: Mapping[str, Values]  # name of SOURCES → [len(rows)]

    def parts_of(self, row: int) -> dict[str, float]:
        """What spoke for one product, largest first; only what is above 0."""
        at = int(np.searchsorted(self.rows, row))
        if at == len(self.rows) or self.rows[at] != row:
            return {"popular": float(self.total[row])} if self.total[row] > 0 else {}
        spoken = {name: float(values[at]) for name, values in self.parts.items() if values[at] > 0}
        return dict(sorted(spoken.items(), key=lambda one: -one[1]))

    def voices(self, rows: Rows) -> dict[str, float]:
        """What each source says of these products together; only what is above 0. The sums of `parts_of`."""
        at = np.searchsorted(self.rows, rows)
        spoken = at < len(self.rows)
        spoken[spoken] = self.rows[at[spoken]] == rows[spoken]
        at = at[spoken]
        said = {name: float(np.maximum(values[at], 0).sum(dtype=np.float64)) for name, values in self.parts.items()}
        popular = float(np.maximum(self.total[rows[~spoken]], 0).sum(dtype=np.float64))
        said["popular"] = said.get("popular", 0.0) + popular
        return {name: voice for name, voice in said.items() if voice > 0}
