"""From the score of a ranking to the probability that the product is taken: a rising line through a few knots.

How the knots are found is the business of learning; to answer, numpy is enough.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.errors import BundleError

FILE = "calibration.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability at each knot, straight lines between, level outside. The order of scores is never reversed.

    A probability speaks of a person who takes something at all in a period of the length that was calibrated on, and
    of a product that the person may be shown.
    """

    score: npt.NDArray[np.float64]  # [n_knots] rising
    probability: npt.NDArray[np.float64]  # [n_knots] in [0, 1], never falling
    method: str  # "isotonic" or "platt"
    positives: int  # products taken that it was fitted on

    def __post_init__(self) -> None:
        knots, values = self.score, self.probability
        if knots.shape != values.shape or knots.ndim != 1 or not len(knots):
            raise ValueError("a calibration needs as many probabilities as scores, at least one")
        if not (np.isfinite(knots).all() and np.isfinite(values).all()):
            raise ValueError("the knots of a calibration must be finite")
        if (np.diff(knots) <= 0).any() or (np.diff(values) < 0).any() or values[0] < 0 or values[-1] > 1:
            raise ValueError("a calibration must rise, from at least 0 to at most 1")

    def __call__(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Probabilities of scores, same shape."""
        return np.asarray(np.interp(np.asarray(scores, np.float64), self.score, self.probability), np.float64)

    def save(self, folder: Path) -> None:
        """Write calibration.json into an existing folder."""
        content = {
            "method": self.method,
            "positives": self.positives,
            "score": self.score.tolist(),
            "probability": self.probability.tolist(),
        }
        (folder / FILE).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """What `save` wrote, None where there is none. BundleError when it cannot be used."""
        try:
            content = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(
                np.array(content["score"], np.float64),
                np.array(content["probability"], np.float64),
                str(content["method"]),
                int(content["positives"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BundleError(f"{folder / FILE} cannot be used ({error}); train again") from error
