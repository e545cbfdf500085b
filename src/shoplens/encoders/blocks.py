"""Vectors made of several parts: which numbers are which part, and how the parts are kept in balance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shoplens.encoders.base import Vectors


def unit_blocks(vectors: Vectors, blocks: Mapping[str, slice]) -> Vectors:
    """Each block scaled to length 1/√(number of blocks), so that rows [n, size] have unit length.

    A block of zeros (photos that cancel out, or nothing seen) gets equal numbers: it then says nothing.
    """
    scaled = np.empty_like(vectors, np.float32)
    share = 1.0 / np.sqrt(len(blocks))
    for block in blocks.values():
        part = vectors[:, block]
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        flat = np.float32(1.0 / np.sqrt(part.shape[1]))
        scaled[:, block] = share * np.where(lengths > 1e-6, part / np.maximum(lengths, 1e-12), flat)
    return scaled
