"""External ids stop here: outside, ids are texts; inside, rows are numbers from 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from shoplens.errors import NotFoundError


class Vocabulary:
    """A fixed, ordered set of ids. `rows` turns ids into numbers, `ids` turns them back."""

    __slots__ = ("_ids", "_rows")

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids: tuple[str, ...] = tuple(ids)
        self._rows: dict[str, int] = {name: row for row, name in enumerate(self._ids)}
        if len(self._rows) != len(self._ids):
            raise ValueError("ids of a vocabulary must be unique")

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in row order."""
        return self._ids

    def row(self, name: str) -> int:
        """Row of one id; NotFoundError when it is not here."""
        try:
            return self._rows[name]
        except KeyError:
            raise NotFoundError(f"unknown id {name!r}") from None

    def get(self, name: str, default: int = -1) -> int:
        """Row of one id, or `default`."""
        return self._rows.get(name, default)

    def rows(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Rows of many ids, -1 where unknown. Shape [len(names)]."""
        get = self._rows.get
        return np.fromiter((get(name, -1) for name in names), np.int64, len(names))

    def names(self, rows: Iterable[int]) -> list[str]:
        """Ids of many rows."""
        return [self._ids[row] for row in rows]
