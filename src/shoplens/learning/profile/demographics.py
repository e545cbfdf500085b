"""Fields of people, learnt only where the shop asks for it, and only kept where it is clearly better than guessing.

Accuracy is that of nested cross-validation: the penalty is chosen inside of each fold, on people who are not judged.
Fields whose names are sensitive are refused here again, whatever the settings let through; values that are sensitive
are never among the guesses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shoplens.domain.sensitive import gives_away, is_sensitive
from shoplens.errors import ConfigurationError
from shoplens.learning.profile.reliability import difference, interval
from shoplens.models.profile.fields import PredictedField

LEAST_PEOPLE = 100  # with the field
LEAST_OF_CLASS = 10  # rarer values are not predicted
FOLDS = 5
PENALTIES = (0.003, 0.03, 0.3)

Floats = npt.NDArray[np.float64]


def learn_field(
    name: str, values: Mapping[int, str], features: Floats, *, seed: int = 0
) -> tuple[PredictedField | None, dict[str, Any]]:
    """`values`: person → value, of those who have one; `features` of all people [n, …]. With figures, also when it is
    not kept. ConfigurationError for a sensitive field."""
    if is_sensitive(name):
        raise ConfigurationError(f"{name} is sensitive: it is never inferred")
    counted = Counter(values.values()).items()
    common = {value for value, count in counted if count >= LEAST_OF_CLASS and not gives_away(value)}
    people = np.array([person for person, value in values.items() if value in common], np.int64)
    if len(people) < LEAST_PEOPLE or len(common) < 2:
        return None, {"people": len(people), "kept": False, "why": "too few people have it, or all the same"}
    truth = np.array([values[person] for person in people.tolist()])
    known = features[people]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    chance = cross_val_predict(_model(seed), known, truth, cv=folds, method="predict_proba")
    classes = np.unique(truth)
    right = (classes[chance.argmax(axis=1)] == truth).astype(np.float64)
    commonest = Counter(truth.tolist()).most_common(1)[0][0]
    guess = (truth == commonest).astype(np.float64)
    better = difference(right, guess, seed)
    told = {
        "people": len(people),
        "classes": len(classes),
        "accuracy": interval(right, seed),
        "commonest": interval(guess, seed),
        "ours_minus": {"commonest": better},
        "kept": better[1] > 0,
    }
    return (_fit(name, known, truth, told, seed) if told["kept"] else None), told


def learn_fields(
    wanted: Sequence[str], known: Mapping[str, Mapping[int, str]], features: Floats, *, seed: int = 0
) -> tuple[tuple[PredictedField, ...], dict[str, Any]]:
    """All that the settings name and people have. With figures of each."""
    found, figures = [], {}
    for name in wanted:
        one, figures[name] = learn_field(name, known.get(name, {}), features, seed=seed)
        if one is not None:
            found.append(one)
    return tuple(found), figures


def _model(seed: int) -> Any:
    penalty = LogisticRegressionCV(
        Cs=PENALTIES,
        cv=StratifiedKFold(3, shuffle=True, random_state=seed),
        max_iter=500,
        scoring="neg_log_loss",
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    return make_pipeline(StandardScaler(), penalty)


def _fit(name: str, features: Floats, truth: npt.NDArray[Any], told: Mapping[str, Any], seed: int) -> PredictedField:
    scaler, line = (step for _, step in _model(seed).fit(features, truth).steps)
    weight, bias = line.coef_.T, line.intercept_
    if weight.shape[1] == 1:  # two classes: scikit-learn keeps one line, softmax wants two
        weight, bias = np.concatenate([0 * weight, weight], axis=1), np.array([0.0, bias[0]])
    accuracy, low, high = told["accuracy"]
    scale = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
    return PredictedField(
        name,
        tuple(str(one) for one in line.classes_),
        scaler.mean_,
        scale,
        weight,
        bias,
        accuracy,
        (low, high),
        told["commonest"][0],
        int(told["people"]),
    )
