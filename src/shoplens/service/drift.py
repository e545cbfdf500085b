"""Whether people, or what they are shown, have changed since the bundle began to answer.

ADWIN (Bifet and Gavaldà, SDM 2007) keeps a window of the stream that is as long as nothing changes and says when its
older and newer part differ; Page-Hinkley (Page, Biometrika 1954) adds up how far scores lie from their mean so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from river.drift import ADWIN, PageHinkley

from shoplens.service.reactions import Reaction

DELTA = 0.002  # of seeing a change that is none; river's and the paper's own
LEAST = 500  # answers before anything is said: the first hours of a bundle are no sample


class Drift:
    """Fed with answers in their order; another bundle starts afresh."""

    def __init__(self) -> None:
        self.last = 0  # number of the latest answer that was looked at
        self._start(None)

    def feed(self, stream: Iterable[Reaction]) -> str | None:
        """Look at more answers; a sentence when something changed, after which it starts afresh."""
        found = None
        for one in stream:
            self.last = one.number
            if one.record.bundle != self._bundle:
                self._start(one.record.bundle)
            found = self._one(one) or found
        return found

    @property
    def bundle(self) -> str | None:
        """Whose answers are looked at."""
        return self._bundle

    @property
    def seen(self) -> int:
        """How many of them, since the latest change."""
        return self._seen

    @property
    def click_through(self) -> float | None:
        """Share of the newest of them that were clicked, as many as nothing changed in."""
        return float(self._clicks.estimation) if self._seen else None

    def _start(self, bundle: str | None) -> None:
        self._bundle = bundle
        self._clicks = ADWIN(delta=DELTA)  # type: ignore[no-untyped-call]
        self._scores = PageHinkley(min_instances=LEAST)
        self._seen = 0
        self._clicked = 0

    def _one(self, one: Reaction) -> str | None:
        self._seen += 1
        self._clicked += one.clicked
        self._clicks.update(float(one.clicked))  # type: ignore[no-untyped-call]
        score = one.record.score
        if score is not None and math.isfinite(score) and one.record.fallback is None:
            self._scores.update(score)  # type: ignore[no-untyped-call]
        if self._seen < LEAST:
            return None
        if self._clicks.drift_detected:
            before, now = self._clicked / self._seen, float(self._clicks.estimation)
            self._start(self._bundle)
            return f"click-through changed from about {before:.3f} to {now:.3f}"
        if self._scores.drift_detected:
            self._start(self._bundle)
            return "the scores of what is shown changed"
        return None
