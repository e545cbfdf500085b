"""Comparing the arms of an experiment while it runs, as often as one likes.

An ordinary 95 % interval is right at one moment that was fixed before; whoever looks every day and stops when it leaves
zero out is wrong far more often. The intervals here hold at all moments at once: asymptotic confidence sequences
(Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, arXiv:2103.06476, theorem 2.2). They are wider, and one may stop
at any time. Whether people fell into the arms as they should is tested likewise (Lindon and Malek 2022,
arXiv:2011.03567).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

ALPHA = 0.05
TIGHTEST_AT = 5_000  # people for whom the interval is made as narrow as can be; it holds for any number
LEAST = 30  # people of an arm below which nothing is said: the theorem is about many
MISMATCH = 1e-3  # of being wrong about a mismatch of shares; that costs an experiment, so it is asked for more strictly

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate that holds at all times."""

    value: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether it leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class ArmSample:
    """What each person of an arm did: `above` / `below` summed over people is the figure.

    A rate per person has `below` = 1 for everybody; clicks per impression has clicks above and impressions below.
    """

    above: Sums  # [people]
    below: Sums  # [people]

    @property
    def value(self) -> float:
        """The figure; NaN where nothing stands below."""
        total = float(self.below.sum())
        return float(self.above.sum()) / total if total else math.nan

    @property
    def variance(self) -> float:
        """Of the figure, for one person: the delta method, people being independent and their impressions not."""
        mean = float(self.below.mean()) if len(self.below) else 0.0
        if not mean:
            return math.nan
        return float(np.var((self.above - self.value * self.below) / mean, ddof=1)) if len(self.above) > 1 else math.nan


def difference(arm: ArmSample, control: ArmSample, *, alpha: float = ALPHA) -> Interval | None:
    """How much larger the figure is in `arm`; None where either has too few people to say, or nobody differed from
    anybody: no purchase at all in either arm says nothing about purchases."""
    n, m = len(arm.above), len(control.above)
    if min(n, m) < LEAST:
        return None
    error = math.sqrt(arm.variance / n + control.variance / m)
    if not (math.isfinite(error) and error > 0):
        return None
    value = arm.value - control.value
    width = error * _widening(n + m, alpha)
    return Interval(value, value - width, value + width)


def _widening(people: int, alpha: float) -> float:
    """Standard errors on either side; 1.96 would be right at one moment only."""
    wanted = -2.0 * math.log(alpha)
    ratio = (wanted + math.log(wanted + 1.0)) / TIGHTEST_AT  # ρ², by the paper's appendix B.2
    scaled = people * ratio + 1.0
    return math.sqrt(2.0 * scaled / (people * ratio) * math.log(math.sqrt(scaled) / alpha))


def mismatch(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Probability bound that people fell into arms like that (`counts`) if their chances are `shares`: an always valid
    p-value. Below `MISMATCH` something is wrong with the assignment or the log, and no figure should be believed.

    It is 1 over the Bayes factor of shares spread around those (Dirichlet) against exactly those.
    """
    seen, wanted = np.asarray(counts, np.float64), np.asarray(shares, np.float64) / math.fsum(shares)
    prior = wanted * len(wanted)
    spread = gammaln(prior.sum()) - gammaln(prior.sum() + seen.sum()) + (gammaln(prior + seen) - gammaln(prior)).sum()
    exact = (seen * np.log(wanted)).sum()
    return float(min(1.0, math.exp(min(exact - spread, 0.0))))
