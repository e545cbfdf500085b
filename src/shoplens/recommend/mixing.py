"""Several sources, one order: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009), weighted.

Scores of different sources have no common unit, places do: a product gets weight / (60 + place) from each source that
proposes it. What stands high with several comes before what one source alone puts first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.recommend.sources import SOURCES, Ground, Rows

DAMPING = 60.0  # as in the paper: how slowly places lose weight
LEAST_DEPTH, MOST_DEPTH = 100, 400  # proposals of one source


@dataclass(frozen=True, slots=True)
class Mixed:
    """Candidates by their facts rows, best first. Scores lie within (0, 1]: 1 is first with every source."""

    rows: Rows
    scores: npt.NDArray[np.float32]
    proposed: Mapping[str, Rows]  # source → what it proposed

    @property
    def counts(self) -> dict[str, int]:
        """Candidates by source."""
        return {name: len(rows) for name, rows in self.proposed.items()}

    def sources_of(self, rows: Sequence[int]) -> list[tuple[str, ...]]:
        """Who proposed each of these rows."""
        known = {name: set(found.tolist()) for name, found in self.proposed.items()}
        return [tuple(name for name, found in known.items() if row in found) for row in rows]


def depth_for(n: int) -> int:
    """How many products each source proposes for an answer of n."""
    return max(LEAST_DEPTH, min(5 * n, MOST_DEPTH), n)


def mix(ground: Ground) -> Mixed:
    """Ask all sources of the wish and add their places up."""
    wanted = {name: weight for name, weight in ground.wish.sources if weight > 0}
    proposed = {name: SOURCES[name](ground) for name in wanted}
    rows = np.concatenate([np.zeros(0, np.int64), *proposed.values()])
    votes = [wanted[name] / (DAMPING + 1.0 + np.arange(len(found))) for name, found in proposed.items()]
    found, place = np.unique(rows, return_inverse=True)
    most = max(sum(wanted.values()), 1e-12) / (DAMPING + 1.0)
    total = np.bincount(place, np.concatenate([np.zeros(0), *votes]), len(found)) / most
    order = np.argsort(-total, kind="stable")
    return Mixed(found[order], total[order].astype(np.float32), proposed)
