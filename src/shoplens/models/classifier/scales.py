"""How much each view of a text counts: one scale a view, which also makes the sum a probability.

Logits of several regressions are added up, each times its scale, and softmax is taken. The scales minimise the log loss
of examples that were not learnt from. With one view this is temperature scaling (Guo et al. 2017, arXiv:1706.04599);
with several, stacking by a regression with one weight a model (Wolpert 1992).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from shoplens.models.classifier.base import Floats, Rows

LARGEST = 20.0  # where examples are told apart without an error, certainty would grow without end


def fit_scales(views: Sequence[Floats], rows: Rows) -> tuple[float, ...]:
    """The scale of each view's logits [n, n_classes]; all 1 when nothing was held out."""
    if not len(rows):
        return tuple(1.0 for _ in views)
    stacked = np.stack(views).astype(np.float64)  # [n_views, n, n_classes]
    n_classes = stacked.shape[2]
    doubt = 1 / (len(rows) + 2)  # targets short of 1, as Platt (1999) has them
    wanted = np.full((len(rows), n_classes), doubt / n_classes)
    wanted[np.arange(len(rows)), rows] += 1 - doubt

    def loss(scales: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        chances = log_softmax(np.tensordot(scales, stacked, 1), axis=1)
        slope = np.exp(chances) - wanted
        return -float((wanted * chances).sum(1).mean()), (stacked * slope).sum((1, 2)) / len(rows)

    found = minimize(loss, np.ones(len(views)), jac=True, bounds=[(0.0, LARGEST)] * len(views), method="L-BFGS-B")
    return tuple(float(one) for one in found.x)


def combined(views: Sequence[Floats], scales: Sequence[float]) -> Floats:
    """Probabilities [n, n_classes] of logits that are added up."""
    total = sum(np.float32(scale) * view for view, scale in zip(views, scales, strict=True))
    return np.asarray(softmax(np.asarray(total, np.float64), axis=1), np.float32)


def log_loss(chances: Floats, rows: Rows) -> float:
    """Mean of -log p(truth)."""
    return -float(np.log(np.maximum(chances[np.arange(len(rows)), rows], 1e-9)).mean())
