"""Vectors made of several parts: which numbers are which part, and how the parts are kept in balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder, Vectors


def blocks_of(encoder: Encoder) -> Mapping[str, slice]:
    """The parts that an encoder says its vectors have; the whole, named "vector", when it says nothing."""
    blocks: Mapping[str, slice] | None = getattr(encoder, "blocks", None)
    return blocks if blocks else {"vector": slice(0, encoder.size)}


def scale_blocks(vectors: Vectors, blocks: Mapping[str, slice], shares: Sequence[float] | None = None) -> Vectors:
    """Rows [n, size] of unit length, each block with its share of the squared length: equal ones, or `shares`.

    A block of zeros (photos that cancel out, or nothing seen) gets equal numbers: it then says nothing.
    """
    scaled = np.empty(vectors.shape, np.float32)
    for block, share in zip(blocks.values(), shares or [1 / len(blocks)] * len(blocks), strict=True):
        part = vectors[:, block]
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        flat = 1.0 / np.sqrt(part.shape[1])
        scaled[:, block] = np.sqrt(share) * np.where(lengths > 1e-6, part / np.maximum(lengths, 1e-12), flat)
    return scaled


def pooled(
    vectors: Vectors, weights: Sequence[float], blocks: Mapping[str, slice] | None = None
) -> npt.NDArray[np.float32]:
    """Weighted mean of vectors [n, size] of several inputs of one product. [size]

    Each block (the whole without any) gets back the length that it has in every one of them: otherwise a block in
    which the inputs differ much would lose weight to one in which they agree. The first one's, where they cancel out.
    """
    first: npt.NDArray[np.float32] = vectors[0]
    if len(vectors) == 1:
        return first
    mean: npt.NDArray[np.float32] = np.asarray(weights, np.float32) @ vectors
    for block in blocks.values() if blocks else (slice(None),):
        length = float(np.linalg.norm(mean[block]))
        mean[block] = mean[block] * (np.linalg.norm(first[block]) / length) if length > 1e-6 else first[block]
    return mean
