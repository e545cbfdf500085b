"""Attributes that can be seen: classifiers of frozen photo vectors, taught by the shop's own values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shoplens.apps.attributes.found import SUREST

Floats = npt.NDArray[np.float32]

LEAST_PHOTOS = 8  # of a value that is learnt
LEAST_TOTAL = 40  # photos with a value, for an attribute to be learnt
MOST_PHOTOS = 6_000  # that one attribute is learnt from
MOST_SEEN = 60  # values of one attribute that are told apart
AXES = 128  # principal axes that are kept
FOLDS = 4
BETTER = 0.1  # accuracy above that of always saying the most frequent value, for an attribute to be visible
CHANCES = 3.0  # and as many standard errors of that accuracy


@dataclass(frozen=True, slots=True)
class SeenValue:
    """What a photo looks like."""

    value: str
    probability: float  # that it is right, as measured on photos it had not learnt from


@dataclass(frozen=True, slots=True)
class PhotoAttribute:
    """One visible attribute."""

    attribute: str
    accuracy: float  # on photos not learnt from
    most_frequent: float  # accuracy of always saying the most frequent value
    photos: int
    model: Any  # scikit-learn pipeline with classes_
    calibration: Any  # isotonic regression: the likeliest value's share → how often it is right

    @classmethod
    def fit(cls, attribute: str, vectors: Floats, values: Sequence[str], *, seed: int = 0) -> Self | None:
        """Learn from one value a photo; None when there are too few, or photos do not show it."""
        counts = Counter(values)
        known = {value for value, many in counts.most_common(MOST_SEEN) if many >= LEAST_PHOTOS}
        rows = np.array([row for row, value in enumerate(values) if value in known], np.int64)
        if len(known) < 2 or len(rows) < LEAST_TOTAL:
            return None
        random = np.random.default_rng(seed)
        rows = np.sort(random.permutation(rows)[:MOST_PHOTOS])
        truth = np.array([values[row] for row in rows])
        axes = min(AXES, len(rows) // 2, vectors.shape[1])
        pipeline = make_pipeline(
            StandardScaler(),
            PCA(axes, svd_solver="randomized", random_state=seed),
            StandardScaler(),
            LogisticRegression(C=0.02, max_iter=300),
        )
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        held = cross_val_predict(pipeline, vectors[rows], truth, cv=folds, method="predict_proba")
        classes = np.unique(truth)
        best = held.argmax(1)
        right = classes[best] == truth
        accuracy, most = float(right.mean()), max(Counter(truth.tolist()).values()) / len(truth)
        chance = CHANCES * float(np.sqrt(most * (1 - most) / len(truth)))
        if accuracy < most + max(BETTER * (1 - most), chance):
            return None
        calibration = IsotonicRegression(y_min=0.0, y_max=SUREST, out_of_bounds="clip").fit(held.max(1), right)
        return cls(attribute, accuracy, most, len(rows), pipeline.fit(vectors[rows], truth), calibration)

    def see(self, vectors: Floats) -> list[SeenValue]:
        """The likeliest value of each photo."""
        if not len(vectors):
            return []
        shares = self.model.predict_proba(vectors)
        best = shares.argmax(1)
        sure = self.calibration.predict(shares.max(1))
        classes = self.model.classes_
        return [SeenValue(str(classes[at]), float(p)) for at, p in zip(best, sure, strict=True)]


def fit_visible(
    vectors: Floats,
    values: Mapping[str, Sequence[str | None]],
    *,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, PhotoAttribute]:
    """A classifier for each attribute that photos show. `values`: attribute → one value a photo, None = unknown."""
    found = {}
    for number, (attribute, own) in enumerate(sorted(values.items())):
        rows = [row for row, value in enumerate(own) if value is not None]
        fitted = PhotoAttribute.fit(attribute, vectors[rows], [value for value in own if value is not None], seed=seed)
        if fitted is not None:
            found[attribute] = fitted
        if progress is not None:
            progress("learn from photos", number + 1, len(values))
    return found
