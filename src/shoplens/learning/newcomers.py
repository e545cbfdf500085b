"""How far products that nobody has bought are raised in the blend: what `Blend.offset` is, chosen on validation.

What makes their content right for a person is never as loud as what many histories say, so without an offset hardly
one of them is shown, however often people take such products as soon as they can. The fair share of the places of all
lists is the share that such products have of what people took in the validation period (calibration in the sense of
Steck, Calibrated recommendations, 2018); at least `LEAST`, since what is never shown cannot be taken. A share that
costs the quality of all lists more than one standard error, person by person, is not given: it is lowered until it
does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.learning.metrics.ranking import discounts
from shoplens.learning.weights import Pool, blended

LEAST = 0.02  # of the places: one in fifty
LOWERED = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05)  # parts of the fair share that are tried, the largest first
NONE_SHOWN = -100.0  # standard deviations: below every product that sells
HALVINGS = 24  # of the range of offsets: to a hundred-thousandth of a standard deviation


def choose_offset(pool: Pool, weights: Mapping[str, float], k: int = 20, *, share: float | None = None) -> float:
    """The offset at which products without sales take the fair share of the best k places, or `share` if given.

    0 when there is nobody, or no such product that a weighing model can judge.
    """
    lists = _Lists.of(pool, weights, k)
    if lists is None or not len(pool.truth):
        return 0.0
    if share is not None:
        return lists.offset(share) if share > 0 else NONE_SHOWN
    fair = max(lists.fair, LEAST)
    alone = lists.quality(NONE_SHOWN)
    offset = NONE_SHOWN
    for part in LOWERED:
        offset = lists.offset(part * fair)
        gain = lists.quality(offset) - alone
        if gain.mean() >= -gain.std() / np.sqrt(len(gain)):
            break
    return offset


@dataclass(frozen=True, slots=True)
class _Lists:
    """Everybody's best k products that sell and best k that do not, by the blend's scores without an offset."""

    score: npt.NDArray[np.float32]  # [n_people, k + k_new] those that sell first; -inf where there is none
    relevant: npt.NDArray[np.bool_]  # the same shape
    sells: int  # k
    truth: npt.NDArray[np.int64]  # [n_people]
    fair: float  # share of relevant products without sales

    @classmethod
    def of(cls, pool: Pool, weights: Mapping[str, float], k: int) -> _Lists | None:
        """None when no model with a weight can judge a product without sales."""
        weight = np.array([weights[name] for name in pool.names])
        new = pool.unsold
        if new is None:
            return None
        judges = new.known[:, new.item] & (weight > 0)[:, None, None] & (new.z > -np.inf)  # [n_models, n_people, width]
        number = judges.sum(axis=0)
        if not number.any():
            return None
        mean = np.where(judges, new.z, 0).sum(axis=0) / np.maximum(number, 1)
        opinion = np.where(number > 0, mean, -np.inf).astype(np.float32)
        old, old_relevant = _best(blended(pool, weight), pool.relevant, k)
        young, young_relevant = _best(opinion, new.relevant, k)
        return cls(
            np.concatenate([old, young], axis=1),
            np.concatenate([old_relevant, young_relevant], axis=1),
            old.shape[1],
            pool.truth,
            0.0 if pool.new_taken is None else float(pool.new_taken.sum()) / max(int(pool.truth.sum()), 1),
        )

    def shown(self, offset: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Columns of everybody's best k, best first, and whether each place is filled. [n_people, k]"""
        score = self.score.copy()
        score[:, self.sells :] += np.float32(offset)
        order = np.argsort(-score, axis=1, kind="stable")[:, : self.sells]
        return order, np.take_along_axis(score, order, axis=1) > -np.inf

    def quality(self, offset: float) -> npt.NDArray[np.float64]:
        """Mean of Recall@k and NDCG@k of each person."""
        order, filled = self.shown(offset)
        hit = np.take_along_axis(self.relevant, order, axis=1) & filled
        gain = discounts(self.sells)
        ideal = np.cumsum(gain)[np.minimum(self.truth, self.sells) - 1]
        return np.asarray((hit.sum(axis=1) / self.truth + hit @ gain / ideal) / 2, np.float64)

    def offset(self, share: float) -> float:
        """At which products without sales take this share of the places, to the nearest that the scores allow."""
        low, high = NONE_SHOWN, -NONE_SHOWN
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            order, filled = self.shown(middle)
            if ((order >= self.sells) & filled).sum() < share * filled.sum():
                low = middle
            else:
                high = middle
        return round(low, 3)


def _best(
    score: npt.NDArray[np.float32], relevant: npt.NDArray[np.bool_], k: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The k highest scores of each person, best first, and their `relevant`. [n_people, min(k, width)]"""
    order = np.argsort(-score, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(score, order, axis=1), np.take_along_axis(relevant, order, axis=1)
