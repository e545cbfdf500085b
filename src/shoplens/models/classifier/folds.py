"""Which examples are held out when: stratified, and every class is in every part that is learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.models.classifier.base import Rows

SMALL = 4_000  # examples; up to here all are held out once, above one part is
FOLDS = 5
MOST_HELD_OUT = 2_000  # enough to tell one percent apart; each costs its share of the time


def held_out(texts: Sequence[str], rows: Rows, seed: int) -> list[npt.NDArray[np.bool_]]:
    """For each fold, which examples are held out.

    Never a class's only example, see `dealt`; and never a text that occurs twice: it would be known from its double,
    and the figures would be of remembering.
    """
    times = Counter(texts)
    once = np.array([times[text] == 1 for text in texts], np.bool_)
    fold = np.where(once, dealt(rows, FOLDS, seed), -1)
    if len(rows) <= SMALL:
        return [fold == number for number in range(FOLDS) if (fold == number).any()]
    spare = np.flatnonzero(fold == 0)
    if len(spare) > MOST_HELD_OUT:
        spare = np.random.default_rng(seed).choice(spare, MOST_HELD_OUT, replace=False)
    last = np.zeros(len(rows), np.bool_)
    last[spare] = True
    return [last] if len(spare) else []


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


def sampled(rows: Rows, sizes: Rows, most: int, seed: int, needed: npt.NDArray[np.bool_] | None = None) -> Rows:
    """Examples whose `sizes` add up to about `most`, in a random choice: all that are `needed`, and one of each class.

    Which examples, rising; all of them when they fit.
    """
    if int(sizes.sum()) <= most:
        return np.arange(len(rows))
    kept = np.zeros(len(rows), np.bool_) if needed is None else needed.copy()
    order = np.random.default_rng(seed).permutation(np.flatnonzero(~kept))
    _, first = np.unique(rows[order], return_index=True)
    kept[order[first]] = True
    left = order[~kept[order]]
    room = most - int(sizes[kept].sum())
    kept[left[np.cumsum(sizes[left]) <= room]] = True
    return np.flatnonzero(kept)


def sizes_of(texts: Sequence[str], longest: int) -> Rows:
    """Bytes of each text, `longest` at most: a token has about four, in any script."""
    return np.array([min(len(text.encode(errors="replace")), longest) for text in texts], np.int64)
