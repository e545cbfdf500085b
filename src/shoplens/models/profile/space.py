"""People as short vectors of what they choose more than others: for segments, look-alikes and predicted fields.

Each column is how far the person's share lies from the shop's, over the square root of the shop's: distances are those
of correspondence analysis (Greenacre, Correspondence Analysis in Practice, chapter 4). Fields have about equal say; a
few principal directions are kept. Who is hardly known lies near zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.models.profile.affinity import ShopAverage, Tally
from shoplens.models.profile.traits import PART_OF_DAY, PART_OF_WEEK, TraitColumns

MOST_COLUMNS = 400  # the most common ones
SIZE = 16  # directions
LEAST_SHARE = 1e-4  # of the shop; rarer columns are chance
NOT_TASTE = (PART_OF_DAY, PART_OF_WEEK)  # fields that say when, not what
FEW, FEW_SAY = 3, 0.5  # fields of so few values would part the crowd by themselves: they have half a say

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TasteSpace:
    """Columns, their weight, and directions."""

    columns: npt.NDArray[np.int64]  # [m]
    weight: Floats  # [m]
    directions: Floats  # [m, size]

    @classmethod
    def fit(cls, counted: Tally, average: ShopAverage, columns: TraitColumns, *, seed: int = 0) -> TasteSpace:
        """From a tally of everybody (or of many)."""
        from sklearn.decomposition import TruncatedSVD

        usable = average.share >= LEAST_SHARE
        for name in NOT_TASTE:
            usable[columns.of_field(name)] = False
        chosen = np.flatnonzero(usable)
        chosen = np.sort(chosen[np.argsort(-average.share[chosen], kind="stable")[:MOST_COLUMNS]])
        weight = 1 / np.sqrt(np.maximum(average.share[chosen], LEAST_SHARE))
        residual = (average.shares(counted, columns, chosen) - average.share[chosen]) * weight
        for place in np.unique(columns.field[chosen]):
            mine = columns.field[chosen] == place
            length = float(np.sqrt((residual[:, mine] ** 2).sum(axis=1).mean())) if len(residual) else 0.0
            say = FEW_SAY if mine.sum() <= FEW else 1.0
            weight[mine] *= say / max(length, 1e-9)
            residual[:, mine] *= say / max(length, 1e-9)
        size = min(SIZE, len(chosen) - 1, len(residual) - 1)
        if size < 1:
            return cls(chosen, weight, np.zeros((len(chosen), 0)))
        found = TruncatedSVD(size, random_state=seed).fit(residual)
        return cls(chosen, weight, np.asarray(found.components_.T, np.float64))

    def vectors(self, counted: Tally, average: ShopAverage, columns: TraitColumns) -> Floats:
        """[n_people, size]"""
        shares = average.shares(counted, columns, self.columns)
        return np.asarray(((shares - average.share[self.columns]) * self.weight) @ self.directions)
