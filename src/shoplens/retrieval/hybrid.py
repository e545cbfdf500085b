"""Words, meaning, looks and sounds in one search: what each finds, joined, completed and weighed.

Each signal names its best candidates. What one signal found and another did not is scored there as well, exactly, so
that a product is never worse off for having been found by one of them only. Scores are put on a scale on which
different queries compare, and weighed by `Blend`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shoplens.retrieval.asked import Asked
from shoplens.retrieval.base import Mask
from shoplens.retrieval.blend import Blend
from shoplens.retrieval.semantic import VectorSignal

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]


class Reads(Protocol):
    """Texts to vectors of the signal "meaning": `features.align.reading.Reader`."""

    def read(self, texts: Sequence[str], /) -> Floats:
        """float32 [len(texts), size]"""
        ...

    def english(self, text: str, /) -> list[str]:
        """What a Chinese text means, in English, in several ways; [] for other texts."""
        ...


class Space(Protocol):
    """Texts to vectors of the signal "looks": `features.align.alignment.Alignment`."""

    def text_vectors(self, texts: Sequence[str], /) -> Floats:
        """float32 [len(texts), size]"""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What was found, best first. Rows are the caller's."""

    rows: RowNumbers  # [m]
    scores: Floats  # [m], about 0 to 1; those of different queries compare
    parts: Mapping[str, Floats]  # signal → [m], each about 0 to 1; NaN = it knows nothing about that product
    matched: Mask  # [m]: found by words
    total: int  # products that match by words, and those found by vectors alone
    exact: bool  # whether `total` is exact
    query: Any = None  # what words were read as, see `LexicalIndex.parse`; None without words

    def __len__(self) -> int:
        return len(self.rows)


class HybridIndex:
    """See the top of this file. Safe to share between threads.

    `row_of` turns item ids into the caller's rows (0 = unknown), `id_of` rows into item ids. `words`, `signals`,
    `reader` and `space` may each be missing: what is there answers.
    """

    def __init__(
        self,
        words: Any | None,
        signals: Sequence[VectorSignal] = (),
        *,
        reader: Reads | None = None,
        space: Space | None = None,
        blend: Blend | None = None,
        row_of: Callable[[Sequence[str]], RowNumbers],
        id_of: Callable[[RowNumbers], list[str]],
    ) -> None:
        self.words = words
        self.signals = {signal.name: signal for signal in signals}
        self.reader = reader
        self.space = space
        self.blend = blend if blend is not None else Blend()
        self.row_of = row_of
        self.id_of = id_of

    def search(self, asked: Asked, k: int, allowed: Mask | None = None) -> Candidates:
        """The k best products for what is asked, only rows where `allowed` (bool [rows]) is True."""
        raise NotImplementedError
