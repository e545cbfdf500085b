"""Frozen modality vectors, made small once: centred, turned to their principal axes, kept for present products only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from shoplens.domain.dataset import Modality
from shoplens.errors import InputError

Floats = npt.NDArray[np.float32]

SAMPLE = 20_000  # rows that the axes are learnt from; more changes them by less than training noise
CHUNK = 8_192  # rows turned at a time, so that a memory-mapped matrix is never read as a whole


def leading_directions(
    matrix: Floats | sparse.csr_array, rank: int, seed: int, rounds: int = 4
) -> tuple[Floats, Floats]:
    """Right singular vectors and singular values, largest first: [columns, rank], [rank].

    Randomised subspace iteration (Halko, Martinsson and Tropp, SIAM Review 2011): a few products with the matrix, which
    may be sparse and is never made dense. `rank` must not exceed either side.
    """
    width = min(rank + 16, *matrix.shape)
    wide = matrix.shape[0] < matrix.shape[1]
    one = matrix.T if wide else matrix  # iterating over the shorter side makes the orthogonalisation cheap
    there = sparse.csr_array(one) if sparse.issparse(one) else one
    back = sparse.csr_array(one.T) if sparse.issparse(one) else one.T
    basis = np.random.default_rng(seed).standard_normal((there.shape[1], width)).astype(np.float32)
    for _ in range(rounds):
        basis = np.linalg.qr(back @ (there @ basis))[0].astype(np.float32)
    small = np.asarray(there @ basis, np.float32)
    left, values, turned = np.linalg.svd(small, full_matrices=False)
    directions = left[:, :rank] if wide else basis @ turned[:rank].T
    # Signs are arbitrary; fixing them keeps results comparable between machines.
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    return (directions * np.where(signs == 0, 1, signs)).astype(np.float32), values[:rank].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Axes:
    """How vectors of one modality become inputs of the network; kept with the weights for products to come."""

    name: str
    mean: Floats  # [size]
    basis: Floats  # [size, rank], scaled so that inputs have variance one on average

    @classmethod
    def learn(cls, modality: Modality, rank: int, seed: int) -> Axes:
        """Mean and leading principal axes of the present rows."""
        rows = np.flatnonzero(modality.present)
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(seed).choice(rows, SAMPLE, replace=False))
        values = np.asarray(modality.values[rows], np.float32)
        if not np.isfinite(values).all():
            raise InputError(f"modality {modality.name!r} has values that are not finite; embed the catalogue again")
        mean = values.mean(axis=0) if len(values) else np.zeros(modality.size, np.float32)
        centred = values - mean
        keep = max(1, min(rank, modality.size, len(values) - 1))
        if len(values) < 2 or not centred.any():
            return cls(modality.name, mean, np.eye(modality.size, keep, dtype=np.float32))
        basis, _ = leading_directions(centred, keep, seed)
        scale = float(np.sqrt(np.square(centred @ basis).mean()))
        return cls(modality.name, mean, basis / max(scale, 1e-6))

    def turn(self, values: Floats) -> Floats:
        """Inputs of the network, [n, rank]; extreme values are cut at ten deviations."""
        return np.clip((np.asarray(values, np.float32) - self.mean) @ self.basis, -10, 10).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Content:
    """One modality as the network reads it. A product without it costs four bytes."""

    name: str
    place: torch.Tensor  # int32 [n_items]: row in `values`, -1 where absent
    values: torch.Tensor  # float16 [n_present, rank]; float16 keeps 92,000 texts in 24 MB

    @classmethod
    def read(cls, modality: Modality, axes: Axes) -> Content:
        """Turn all present rows, a chunk at a time."""
        rows = np.flatnonzero(modality.present)
        values = np.empty((len(rows), axes.basis.shape[1]), np.float16)
        for start in range(0, len(rows), CHUNK):
            values[start : start + CHUNK] = axes.turn(modality.values[rows[start : start + CHUNK]])
        if not np.isfinite(values).all():
            raise InputError(f"modality {modality.name!r} has values that are not finite; embed the catalogue again")
        place = np.full(len(modality.present), -1, np.int32)
        place[rows] = np.arange(len(rows))
        return cls(modality.name, torch.from_numpy(place), torch.from_numpy(values))

    def to(self, device: torch.device) -> Content:
        """The same on another device."""
        return Content(self.name, self.place.to(device), self.values.to(device))
