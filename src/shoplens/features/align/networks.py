"""The two small networks that are trained, as numbers: torch fits them, numpy answers with them.

Both have the same heads, one a facet: the photo network says which values a photo shows, the text network which values
a text asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import erf, softmax

Floats = npt.NDArray[np.float32]

CLIP = 6.0  # standard deviations; what lies further out is an artefact of a photo


@dataclass(frozen=True, slots=True)
class Scaling:
    """Inputs of several origins on one scale: mean 0, deviation 1, clipped."""

    mean: Floats  # [inputs]
    deviation: Floats  # [inputs]

    @classmethod
    def fit(cls, inputs: Floats) -> Self:
        """From training inputs [n, inputs]."""
        return cls(inputs.mean(0), np.maximum(inputs.std(0), 1e-6))

    def __call__(self, inputs: Floats) -> Floats:
        """Scaled inputs [n, inputs]."""
        scaled: Floats = np.clip((inputs - self.mean) / self.deviation, -CLIP, CLIP).astype(np.float32)
        return scaled


@dataclass(frozen=True, slots=True)
class Network:
    """One hidden layer of GELU units, and heads on it."""

    hidden: Floats  # [inputs, units]
    hidden_bias: Floats  # [units]
    heads: Floats  # [units, values of all facets]
    heads_bias: Floats  # [values of all facets]

    def activations(self, inputs: Floats) -> Floats:
        """[n, inputs] → [n, units]."""
        before = inputs @ self.hidden + self.hidden_bias
        after: Floats = (0.5 * before * (1.0 + erf(before * np.float32(0.70710678)))).astype(np.float32)
        return after

    def logits(self, inputs: Floats) -> Floats:
        """[n, inputs] → [n, values of all facets]."""
        said: Floats = self.activations(inputs) @ self.heads + self.heads_bias
        return said

    def probabilities(self, inputs: Floats, parts: Sequence[slice]) -> Floats:
        """[n, inputs] → [n, values of all facets]; within each facet's part a row sums to 1."""
        said = self.logits(inputs)
        for part in parts:
            said[:, part] = softmax(said[:, part], axis=1)
        return said

    def arrays(self, name: str) -> dict[str, Floats]:
        """For a file of named arrays."""
        return {
            f"{name}.hidden": self.hidden,
            f"{name}.hidden_bias": self.hidden_bias,
            f"{name}.heads": self.heads,
            f"{name}.heads_bias": self.heads_bias,
        }

    @classmethod
    def read(cls, name: str, arrays: Mapping[str, Floats]) -> Self:
        """What `arrays` gave."""
        return cls(*(arrays[f"{name}.{part}"] for part in ("hidden", "hidden_bias", "heads", "heads_bias")))


def mean_probabilities(networks: Sequence[Network], inputs: Floats, parts: Sequence[slice]) -> Floats:
    """Average over networks. [n, inputs] → [n, values of all facets]"""
    total = networks[0].probabilities(inputs, parts)
    for network in networks[1:]:
        total += network.probabilities(inputs, parts)
    mean: Floats = total / np.float32(len(networks))
    return mean


def seen_together(networks: Sequence[Network], inputs: Floats, width: int) -> Floats:
    """Hidden units of the first networks side by side, `width` units together. [n, inputs] → [n, width]"""
    seen: list[Floats] = []
    for network in networks:
        if width <= 0:
            break
        seen.append(network.activations(inputs))
        width -= seen[-1].shape[1]
    return seen[0] if len(seen) == 1 else np.concatenate(seen, axis=1)


def unit_rows(vectors: npt.NDArray[np.floating]) -> Floats:
    """Rows scaled to length 1; rows of zeros stay."""
    unit: Floats = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)).astype(np.float32)
    return unit
