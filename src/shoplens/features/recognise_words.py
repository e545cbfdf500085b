"""What products are called, as evidence of what a photo shows: ImageNet's class names against product words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.features.align.bridge import class_names
from shoplens.features.align.reading import Reader

Floats = npt.NDArray[np.float32]

ALIKE = 0.03  # cosine by which a class name must be nearer to count e times as much
FLOOR = 0.1  # of the typical evidence: no product is ruled out by its name


def class_evidence(reader: Reader, words: Sequence[str]) -> Floats:
    """How strongly each of the 1,000 classes speaks for each product. float32 [1000, len(words)].

    `words` say what kind of thing each product is, as short as possible: a category, or else a title.
    """
    names = class_names()
    if reader.means is None:
        reader.learn_means([*names, *words])
    classes = reader.read(names)
    common = classes.mean(0)
    alike = _centred(classes, common) @ _centred(reader.read(words), common).T
    evidence: Floats = np.exp((alike - 1.0) / ALIKE).astype(np.float32)
    return evidence


def log_evidence(probabilities: Floats, evidence: Floats) -> Floats:
    """Of class probabilities [n, 1000] of photos: float32 [n, products]."""
    said = probabilities @ evidence
    typical = np.maximum(np.median(said, axis=1, keepdims=True), 1e-30)
    result: Floats = np.log(said / typical + FLOOR)
    return result


def _centred(vectors: Floats, common: Floats) -> Floats:
    moved = vectors - common
    unit: Floats = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    return unit
