"""What the most similar products of a category have: votes of nearest neighbours by text vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

NEIGHBOURS = 10
LEAST_VOTERS = 3
AT_ONCE = 2_000  # products compared with their category together: bounds memory
EDGES = (0.4, 0.6, 0.8, 0.9, 1.0)  # of the winner's share of the votes, for measuring how far to believe it


class Vote(NamedTuple):
    """The value that most of the nearest neighbours have."""

    row: int  # of the product that was asked about
    value: str
    share: float  # of the similarity of those with a value
    held: bool  # the product's own value is known, and did not vote: for measuring


def votes(
    vectors: Floats, group: Sequence[object], values: Sequence[str | None], ask: npt.NDArray[np.bool_]
) -> list[Vote]:
    """Of each product in `ask`. Neighbours are of the same group; a product never votes for itself.

    `vectors`: float32 [n, size], unit length, zero where a product has none; `values`: None = unknown.
    """
    members: defaultdict[object, list[int]] = defaultdict(list)
    for row, (own, value) in enumerate(zip(group, values, strict=True)):
        if value is not None and vectors[row].any():
            members[own].append(row)
    asked: defaultdict[object, list[int]] = defaultdict(list)
    for row in np.flatnonzero(ask).tolist():
        if vectors[row].any():
            asked[group[row]].append(row)
    found: list[Vote] = []
    for own, rows in asked.items():
        voters = np.array(members.get(own, []), np.int64)
        if len(voters) < LEAST_VOTERS:
            continue
        for first in range(0, len(rows), AT_ONCE):
            found += _of_part(vectors, np.array(rows[first : first + AT_ONCE], np.int64), voters, values)
    return found


def _of_part(
    vectors: Floats, rows: npt.NDArray[np.int64], voters: npt.NDArray[np.int64], values: Sequence[str | None]
) -> list[Vote]:
    near = vectors[rows] @ vectors[voters].T
    near[rows[:, None] == voters[None]] = -1.0
    count = min(NEIGHBOURS, near.shape[1])
    best = np.argpartition(-near, count - 1, axis=1)[:, :count]
    found = []
    for row, places in zip(rows.tolist(), best, strict=True):
        shares: defaultdict[str, float] = defaultdict(float)
        for place in places.tolist():
            voter = int(voters[place])
            value = values[voter]
            if voter != row and value is not None:
                similar = float(vectors[row] @ vectors[voter])
                if similar > 0:
                    shares[value] += similar
        if shares:
            value = max(sorted(shares), key=lambda one: shares[one])
            found.append(Vote(row, value, shares[value] / sum(shares.values()), values[row] is not None))
    return found


def reliability_by_share(found: Sequence[Vote], values: Sequence[str | None]) -> list[float]:
    """How often votes are right for each step of their share (see EDGES), on products whose value is known; never
    falling with the share."""
    right, total = np.ones(len(EDGES)), np.full(len(EDGES), 4.0)  # a little doubt to begin with
    for vote in found:
        if vote.held:
            step = step_of(vote.share)
            total[step] += 1
            right[step] += vote.value == values[vote.row]
    return [float(one) for one in np.maximum.accumulate(right / total)]


def step_of(share: float) -> int:
    """Which of the EDGES a share is up to."""
    return min(int(np.searchsorted(EDGES, share - 1e-9)), len(EDGES) - 1)
