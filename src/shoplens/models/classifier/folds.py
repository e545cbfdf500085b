"""Which examples are held out when: stratified, and every class is in every part that is learnt from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from shoplens.models.classifier.base import Rows

SMALL = 4_000  # examples; up to here all are held out once, above one part is
FOLDS = 5
MOST_HELD_OUT = 3_000  # enough to tell one percent apart; each costs its share of the time


def held_out(rows: Rows, seed: int) -> Iterator[npt.NDArray[np.bool_]]:
    """For each fold, which examples are held out. A class's only example is never held out; see `dealt`."""
    dealer = dealt(rows, FOLDS, seed)
    if len(rows) <= SMALL:
        yield from (dealer == fold for fold in range(FOLDS) if (dealer == fold).any())
        return
    last = dealer == 0
    spare = np.flatnonzero(last)
    if len(spare) > MOST_HELD_OUT:
        kept = np.random.default_rng(seed).choice(spare, MOST_HELD_OUT, replace=False)
        last = np.zeros_like(last)
        last[kept] = True
    yield last


def dealt(rows: Rows, folds: int, seed: int) -> Rows:
    """The fold of each example, each class dealt out evenly; -1 for the only one of its class. [n]

    Of a class with two examples or more, no fold holds all.
    """
    fold = np.full(len(rows), -1, np.int64)
    mixed = np.random.default_rng(seed).permutation(len(rows))
    start = 0
    for one in np.unique(rows):
        mine = mixed[rows[mixed] == one]
        if len(mine) > 1:
            fold[mine] = (start + np.arange(len(mine))) % folds
            start += len(mine)  # the next class goes on where this one ended, so that folds are of one size
    return fold
