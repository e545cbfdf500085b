"""What every encoder does: things of one kind in, vectors of one size out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from shoplens.registry import find

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


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """An encoder of texts. `encode` reads products; what a shopper types is read by `encode_queries`."""

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of what shoppers type, comparable with those of `encode`. float32 [len(inputs), size]."""
        ...


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """What an encoder may need to open; each takes what concerns it."""

    model_cache: Path  # where converted pretrained models are kept
    precision: str = "int8"  # or "fp32"
    threads: int | None = None  # of one call of `encode`; None = all cores


def open_encoder(name: str, options: EncoderOptions) -> Encoder:
    """The encoder of that name in the registry, ready to use.

    An encoder class has a class method `open(options: EncoderOptions)`. ConfigurationError for an unknown name,
    ModelFileError when its weights are missing or altered.
    """
    return cast(Encoder, find("encoders", name).open(options))
