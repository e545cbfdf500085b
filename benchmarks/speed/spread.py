"""Several measurements as one line of a result: the median, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median, least and most; `runs` says of how many."""
    return {
        "median": round(float(np.median(values)), digits),
        "least": round(float(np.min(values)), digits),
        "most": round(float(np.max(values)), digits),
        "runs": len(values),
    }


def ratios(peer: Sequence[float], ours: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Peer's seconds divided by ours, pair by pair as they were measured side by side: above 1 we are faster."""
    return spread([one / other for one, other in zip(peer, ours, strict=True)], digits)
