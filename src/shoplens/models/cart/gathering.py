"""Rows of a compressed table, read at once: the step that every signal begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def entries(indptr: npt.NDArray[Any], rows: Rows) -> tuple[Rows, Rows]:
    """Positions of all entries of `rows`, one row after the other, and how many each has."""
    start = indptr[rows].astype(np.int64)
    return spans(start, indptr[rows + 1].astype(np.int64) - start)


def spans(start: Rows, lengths: Rows) -> tuple[Rows, Rows]:
    """Positions start, start + 1, … of each span, and the lengths again."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(start - (ends - lengths), lengths) + np.arange(total), lengths


def mapped(file: Path) -> npt.NDArray[Any]:
    """An array from a file, memory-mapped: pages are shared between processes. A plain array, whose slices cost less
    than those of numpy's class for maps."""
    return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray))
