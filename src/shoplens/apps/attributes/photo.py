"""Attributes that can be seen: classifiers of frozen photo vectors, taught by the shop's own values."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.apps.attributes.disputes import share_won
from shoplens.apps.attributes.found import SUREST
from shoplens.apps.attributes.normalise import folded
from shoplens.errors import ModelFileError

Floats = npt.NDArray[np.float32]

LEAST_PHOTOS = 8  # of a value that is learnt
LEAST_TOTAL = 40  # photos with a value, for an attribute to be learnt
MOST_PHOTOS = 6_000  # that one attribute is learnt from
MOST_SEEN = 60  # values of one attribute that are told apart
AXES = 128  # principal axes that are kept
FOLDS = 4
BETTER = 0.1  # accuracy above that of always saying the most frequent value, for an attribute to be visible
CHANCES = 3.0  # and as many standard errors of that accuracy
MATRICES, NAMES = "visible.npz", "visible.json"


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
    values: tuple[str, ...]
    weights: Floats  # [values, size]
    bias: Floats  # [values]
    shares: Floats  # [steps] of the likeliest value, rising, and beside them how often it is right
    right: Floats  # [steps]
    won: int = 0  # of photos not learnt from: how often it was right where the title says another value
    disputes: int = 0  # and how often that was so

    @classmethod
    def fit(
        cls,
        attribute: str,
        vectors: Floats,
        values: Sequence[str],
        *,
        rejected: tuple[Floats, Sequence[str]] | None = None,
        disputed: Callable[[int, str], bool] | None = None,
        seed: int = 0,
    ) -> Self | None:
        """Learn from one value a photo; None when there are too few, or photos do not show it.

        `rejected`: photos with values, as `folded` writes them, that they do not show. `disputed`: whether the title of
        a photo's product, by its row, says something else than this.
        """
        from sklearn.decomposition import PCA  # not at the top: a server that learns nothing starts without
        from sklearn.isotonic import IsotonicRegression
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

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
        seen, told, weight = _with_rejected(vectors[rows], truth, rejected)
        weights, bias = _one_matrix(pipeline.fit(seen, told, logisticregression__sample_weight=weight))
        against = [
            bool(ok)
            for row, at, ok in zip(rows.tolist(), best, right, strict=True)
            if disputed is not None and disputed(row, str(classes[at]))
        ]
        calibration = IsotonicRegression(y_min=0.0, y_max=SUREST, out_of_bounds="clip").fit(held.max(1), right)
        return cls(
            attribute,
            accuracy,
            most,
            len(rows),
            tuple(str(value) for value in classes),
            weights,
            bias,
            calibration.X_thresholds_.astype(np.float32),
            calibration.y_thresholds_.astype(np.float32),
            sum(against),
            len(against),
        )

    def see(self, vectors: Floats) -> list[SeenValue]:
        """The likeliest value of each photo."""
        if not len(vectors):
            return []
        shares = _softmax(vectors @ self.weights.T + self.bias)
        sure = np.interp(shares.max(1), self.shares, self.right)
        return [SeenValue(self.values[at], float(p)) for at, p in zip(shares.argmax(1).tolist(), sure, strict=True)]


@dataclass(frozen=True, slots=True)
class Visible:
    """What photos of a shop show: its visible attributes, and the vectors that they are read from, in their order."""

    attributes: Mapping[str, PhotoAttribute] = field(default_factory=dict)
    parts: tuple[tuple[str, str], ...] = ()  # modality, and the encoder's name and version as the table notes it

    def share_won(self, attribute: str) -> float:
        """How often its photos are right about an attribute of which the title says something else."""
        known = self.attributes.get(attribute)
        return share_won(*((known.won, known.disputes) if known is not None else (0, 0)))

    def save(self, folder: Path) -> None:
        """Write `visible.npz` and `visible.json`."""
        chosen = list(self.attributes.values())
        matrices = {
            f"{name}{number}": getattr(one, name)
            for number, one in enumerate(chosen)
            for name in ("weights", "bias", "shares", "right")
        }
        np.savez(folder / MATRICES, **matrices)
        told = [
            {
                "attribute": one.attribute,
                "accuracy": one.accuracy,
                "most_frequent": one.most_frequent,
                "photos": one.photos,
                "values": one.values,
                "won": one.won,
                "disputes": one.disputes,
            }
            for one in chosen
        ]
        (folder / NAMES).write_text(json.dumps({"parts": self.parts, "attributes": told}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. ModelFileError when it cannot be read."""
        try:
            told = json.loads((folder / NAMES).read_text(encoding="utf-8"))
            # Opened here: numpy leaves a damaged file open.
            with (folder / MATRICES).open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
                found = [
                    PhotoAttribute(
                        **{**one, "values": tuple(one["values"])},
                        **{name: kept[f"{name}{number}"] for name in ("weights", "bias", "shares", "right")},
                    )
                    for number, one in enumerate(told["attributes"])
                ]
            parts = tuple((str(modality), str(noted)) for modality, noted in told["parts"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ModelFileError(f"{folder} cannot be read ({error}); run `shoplens attributes complete`") from error
        return cls({one.attribute: one for one in found}, parts)


def fit_visible(
    vectors: Floats,
    values: Mapping[str, Sequence[str | None]],
    *,
    rejected: Mapping[str, Sequence[tuple[int, str]]] | None = None,
    disputed: Callable[[str, int, str], bool] | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, PhotoAttribute]:
    """A classifier for each attribute that photos show. `values`: attribute → one value a photo, None = unknown;
    `rejected`: attribute → rows with values that they do not show; `disputed`: whether a row's title says another value
    of an attribute than this."""
    found = {}
    for number, (attribute, own) in enumerate(sorted(values.items())):
        rows = [row for row, value in enumerate(own) if value is not None]
        wrong = (rejected or {}).get(attribute, ())
        fitted = PhotoAttribute.fit(
            attribute,
            vectors[rows],
            [value for value in own if value is not None],
            rejected=(vectors[[row for row, _ in wrong]], [value for _, value in wrong]) if wrong else None,
            disputed=partial(_of_rows, disputed, attribute, rows) if disputed else None,
            seed=seed,
        )
        if fitted is not None:
            found[attribute] = fitted
        if progress is not None:
            progress("learn from photos", number + 1, len(values))
    return found


def _of_rows(
    disputed: Callable[[str, int, str], bool], attribute: str, rows: Sequence[int], place: int, value: str
) -> bool:
    return disputed(attribute, rows[place], value)


def _with_rejected(
    vectors: Floats, truth: npt.NDArray[np.str_], rejected: tuple[Floats, Sequence[str]] | None
) -> tuple[Floats, npt.NDArray[np.str_], Floats]:
    """Examples with their weights: a photo that does not show a value shows, by their shares, one of the others."""
    classes, counts = np.unique(truth, return_counts=True)
    seen, told, weight = [vectors], [truth], [np.ones(len(truth), np.float32)]
    for vector, value in zip(*(rejected or (vectors[:0], ())), strict=True):
        others = np.array([folded(one) != value for one in classes.tolist()])
        if others.all() or not others.any():
            continue  # a value that is not learnt
        seen.append(np.repeat(vector[None], others.sum(), axis=0))
        told.append(classes[others])
        weight.append((counts[others] / counts[others].sum()).astype(np.float32))
    return np.concatenate(seen), np.concatenate(told), np.concatenate(weight)


def _one_matrix(pipeline: Any) -> tuple[Floats, Floats]:
    """Scaling, principal axes, scaling and regression are all linear: together one matrix [values, size] and a bias."""
    first, axes, second, regression = (step for _, step in pipeline.steps)
    inner = regression.coef_ / second.scale_
    weights = inner @ axes.components_ / first.scale_
    bias = regression.intercept_ - inner @ (second.mean_ + axes.components_ @ axes.mean_) - weights @ first.mean_
    if len(weights) == 1:  # of two values the second is told from the first
        weights, bias = np.concatenate([np.zeros_like(weights), weights]), np.concatenate([np.zeros(1), bias])
    return weights.astype(np.float32), bias.astype(np.float32)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    shares: Floats = powers / powers.sum(1, keepdims=True)
    return shares
