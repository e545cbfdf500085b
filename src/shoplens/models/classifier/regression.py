"""Multinomial logistic regression (scikit-learn's) that is kept as two arrays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from shoplens.models.classifier.base import Floats, Rows

STEPS = 200  # of L-BFGS; decisions have settled long before it converges to its last digit
TOLERANCE = (
    1e-4  # of the mean loss's slope; at 1e-3 sparse terms are hardly learnt: .87 instead of .93 on Chinese reviews
)


@dataclass(frozen=True, slots=True)
class Regression:
    """Logits are features @ weight.T + bias."""

    weight: Floats  # [n_classes, n_features]
    bias: Floats  # [n_classes]

    def __post_init__(self) -> None:
        # Column by column: a product with sparse rows would otherwise turn the whole table around for every text.
        object.__setattr__(self, "weight", np.asfortranarray(self.weight))

    @classmethod
    def fit(cls, features: Any, rows: Rows, n_classes: int, strength: float) -> Self:
        """`features`: dense or sparse [n, n_features]; `rows`: the class of each, all classes occur.

        `strength` is scikit-learn's C: the larger, the closer it follows the examples.
        """
        model = LogisticRegression(C=strength, max_iter=STEPS, tol=TOLERANCE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, rows)
        weight, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
        if n_classes == 2:  # scikit-learn keeps the second class's advantage only
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        return cls(weight, bias)

    def logits(self, features: Any) -> Floats:
        """float32 [n, n_classes]."""
        return np.asarray(features @ self.weight.T + self.bias, np.float32)
