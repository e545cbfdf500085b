"""Rows of figures by name, kept as one matrix: the rows of many names are then one look-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Rows:
    """Figures of each name, one a column; `unknown` in every column for a name that is not there."""

    __slots__ = ("_matrix", "_place")

    def __init__(self, rows: Mapping[str, Floats], width: int, *, unknown: float = 0.0) -> None:
        self._place = {name: number for number, name in enumerate(rows)}
        self._matrix = np.full((len(rows) + 1, width), unknown, np.float32)
        for number, row in enumerate(rows.values()):
            self._matrix[number] = row

    def of(self, names: Sequence[str]) -> Floats:
        """The row of each name. [names, width]"""
        get, unknown = self._place.get, len(self._place)
        found: Floats = self._matrix[[get(name, unknown) for name in names]]
        return found

    def items(self) -> Iterator[tuple[str, Floats]]:
        """Names with their rows, in the order they were given in."""
        return zip(self._place, self._matrix, strict=False)
