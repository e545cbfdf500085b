"""One vector a product from all its content: each modality reduced to its principal directions, then side by side.

Used for similarity ("more like this", diversity, reasons, products that came after training). What a person will buy
next is the models' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.domain.dataset import Modality
from shoplens.errors import BundleError

Matrix = npt.NDArray[np.float32]
FILE_NAME = "content.npz"
SAMPLE = 20_000  # products that directions are estimated from; more changes them little
BLOCK = 16_384  # products projected at a time, so that no second full copy of a modality is made


@dataclass(frozen=True, slots=True)
class ContentSpace:
    """Centre and directions of each modality, in a fixed order."""

    centres: Mapping[str, Matrix]  # name → [width]
    directions: Mapping[str, Matrix]  # name → [width, kept], orthonormal columns
    encoders: Mapping[str, str]  # name → version of the encoder that made it, "" when not said

    @property
    def size(self) -> int:
        """Width of a fused vector."""
        return sum(matrix.shape[1] for matrix in self.directions.values())

    @classmethod
    def fit(
        cls,
        modalities: Sequence[Modality],
        *,
        kept: int = 96,
        seed: int = 0,
        encoders: Mapping[str, str] | None = None,
    ) -> Self:
        """Principal directions (eigenvectors of the covariance) of the products that have the modality."""
        random = np.random.default_rng(seed)
        centres: dict[str, Matrix] = {}
        directions: dict[str, Matrix] = {}
        for modality in sorted(modalities, key=lambda one: one.name):
            rows = np.flatnonzero(modality.present)
            if not len(rows):
                continue
            if len(rows) > SAMPLE:
                rows = np.sort(random.choice(rows, SAMPLE, replace=False))
            sample = unit_rows(np.asarray(modality.values[rows], np.float32))
            centre = sample.mean(axis=0)
            spread = np.cov(sample - centre, rowvar=False, bias=True)  # of a single product it is zero, not undefined
            _, vectors = np.linalg.eigh(spread.reshape(modality.size, modality.size))
            centres[modality.name] = centre
            directions[modality.name] = np.ascontiguousarray(vectors[:, ::-1][:, :kept], np.float32)
        return cls(centres, directions, dict(encoders or {}))

    def vectors(self, modalities: Sequence[Modality], n: int) -> Matrix:
        """Unit vectors [n, size]; zero for a product without any content."""
        by_name = {one.name: one for one in modalities}
        fused = np.zeros((n, self.size), np.float32)
        offset = 0
        for name, directions in self.directions.items():
            width = directions.shape[1]
            modality = by_name.get(name)
            if modality is not None and modality.size == directions.shape[0]:
                for start in range(0, n, BLOCK):
                    stop = min(n, start + BLOCK)
                    part = unit_rows(np.asarray(modality.values[start:stop], np.float32)) - self.centres[name]
                    part = unit_rows(np.asarray(part @ directions, np.float32))
                    part[~modality.present[start:stop]] = 0.0
                    fused[start:stop, offset : offset + width] = part
            offset += width
        return unit_rows(fused)

    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an existing folder."""
        arrays = {f"centre/{name}": value for name, value in self.centres.items()}
        arrays |= {f"directions/{name}": value for name, value in self.directions.items()}
        np.savez(folder / FILE_NAME, allow_pickle=False, **arrays)
        (folder / "encoders.json").write_bytes(orjson.dumps(dict(self.encoders), option=orjson.OPT_SORT_KEYS))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Never unpickles."""
        try:
            with np.load(folder / FILE_NAME, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            encoders = orjson.loads((folder / "encoders.json").read_bytes())
        except (OSError, ValueError) as error:
            raise BundleError(f"{folder}: the content space cannot be read: {error}") from error
        part = {
            kind: {name.partition("/")[2]: value for name, value in arrays.items() if name.startswith(f"{kind}/")}
            for kind in ("centre", "directions")
        }
        return cls(part["centre"], part["directions"], encoders)


def unit_rows(matrix: Matrix) -> Matrix:
    """Each row brought to length 1; a zero row stays zero."""
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: Matrix = np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 1e-12)
    return unit
