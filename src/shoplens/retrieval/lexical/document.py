"""What words may find of a product, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The texts of one product. `codes` (item id, GTIN, MPN) are found when typed in full, with or without hyphens."""

    item_id: str
    title: str = ""
    brand: str = ""
    category: tuple[str, ...] = ()  # names from broad to narrow
    attributes: tuple[str, ...] = ()  # values
    description: str = ""
    found: str = ""  # words read in photos and heard in sound
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWeights:
    """How much a word counts where it was found. Weights take effect in the next search; nothing is indexed again."""

    title: float = 1.0
    brand: float = 0.9
    category: float = 0.7
    attributes: float = 0.6
    description: float = 0.25
    found: float = 0.15


#: Fields that hold texts, in the order of `FieldWeights`.
TEXTS: tuple[str, ...] = tuple(one.name for one in fields(FieldWeights))


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Products that words found, best first."""

    item_ids: list[str]
    scores: Floats  # [m], BM25-like: sums over the query's words
    coverage: Floats  # [m], 0 to 1: share of the query's words that matched, rare words counting more
    total: int  # how many there are, of which these are the best
    exact: bool  # whether `total` is; if not, there are at least so many

    def __len__(self) -> int:
        return len(self.item_ids)
