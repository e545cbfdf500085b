"""What every encoder does: things of one kind in, vectors of one size out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]  # [n, size]


@runtime_checkable
class Encoder(Protocol):
    """A frozen network (or none) that turns inputs of one modality into vectors.

    `version` changes whenever the same input would give another vector: it names the feature table.
    """

    name: str
    version: str
    modality: str  # "text" or "image"
    size: int  # width of a vector

    def encode(self, inputs: Sequence[Any]) -> Vectors:
        """Vectors of unit length, float32 [len(inputs), size]. Texts are str; images are PIL.Image in RGB."""
        ...
