"""How what people say about products is felt in their ranking; a dial that is off unless the shop turns it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class ReviewTone:
    """Blame of products, 0 to 1, and by how many standard deviations of scores blame of 1 lowers one (`weight`)."""

    def __init__(self) -> None:
        self.weight = 0.0
        self._blame: npt.NDArray[np.float32] = np.zeros(0, np.float32)  # [facts rows]

    def put(self, rows: npt.NDArray[np.int64], blame: npt.NDArray[np.float32], weight: float) -> None:
        """What is said now of the products with these facts rows; all others are not blamed. Row 0 is no product."""
        table = np.zeros(int(rows.max()) + 1 if len(rows) else 1, np.float32)
        table[rows] = blame
        table[0] = 0.0
        self._blame, self.weight = table, weight

    def lifts(self, n_rows: int) -> npt.NDArray[np.float32] | None:
        """What it adds to each product, in standard deviations: 0 or less. None when it says nothing. [n_rows]"""
        blame = self._blame
        if self.weight <= 0.0 or not blame.any():
            return None
        table = np.zeros(n_rows, np.float32)
        known = min(n_rows, len(blame))
        table[:known] = -np.float32(self.weight) * blame[:known]
        return table
