"""One sequential test on a stream of log-likelihood ratios, with a bound on false alarms.

For each alternative the sum of evidence since the likeliest beginning of a surge is kept (Page 1954, CUSUM); their
mean, as likelihoods, is compared with a threshold. Each is at most its Shiryaev–Roberts statistic, an e-detector in the
sense of Shin, Ramdas and Rinaldo (2024, "E-detectors: a nonparametric framework for sequential change detection"): as
long as nothing changes, the mean time until the threshold c is passed is at least c windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any, Self

FALL = 7.0  # by which the evidence must fall from its peak before a surge counts as over: 1,000 to 1 against it


@dataclass(slots=True)
class Detector:
    """Evidence for each alternative, and since when it has been gathered (start of a window, microseconds)."""

    evidence: list[float] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    peak: float = 0.0  # highest evidence since the alarm
    alarmed: bool = False

    def take(self, found: Sequence[float], start: int) -> None:
        """The log-likelihood ratios of the window that starts at `start`."""
        if not self.evidence:
            self.evidence, self.since = [0.0] * len(found), [start] * len(found)
        for place, one in enumerate(found):
            if self.evidence[place] <= 0.0:
                self.evidence[place], self.since[place] = 0.0, start
            self.evidence[place] += one
        if self.alarmed:
            self.peak = max(self.peak, self.level)

    @property
    def level(self) -> float:
        """Log of the mean over the alternatives; below 0 as good as nothing."""
        if not self.evidence:
            return 0.0
        top = max(self.evidence)
        return top + log(sum(exp(one - top) for one in self.evidence) / len(self.evidence))

    @property
    def began(self) -> int:
        """When the change began, by the alternative that has most evidence."""
        place = max(range(len(self.evidence)), key=lambda one: self.evidence[one])
        return self.since[place]

    def alarm(self) -> None:
        """The level has passed the threshold."""
        self.alarmed, self.peak = True, self.level

    @property
    def over(self) -> bool:
        """Whether the surge that raised the alarm has ended."""
        return self.alarmed and self.level <= self.peak - FALL

    def reset(self) -> None:
        """From the beginning."""
        self.evidence, self.since, self.peak, self.alarmed = [], [], 0.0, False

    def state(self) -> list[Any]:
        """For `of`."""
        return [self.evidence, self.since, self.peak, self.alarmed]

    @classmethod
    def of(cls, state: Sequence[Any]) -> Self:
        """As it was."""
        return cls(list(state[0]), list(state[1]), state[2], state[3])
