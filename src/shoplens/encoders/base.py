"""What every encoder does: things of one kind in, vectors of one size out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from shoplens.errors import ConfigurationError
from shoplens.registry import find

Vectors = npt.NDArray[np.float32]  # [n, size]


@runtime_checkable
class Encoder(Protocol):
    """A frozen network (or none) that turns inputs of one modality into vectors.

    `version` changes whenever the same input would give another vector: it names the feature table.
    """

    name: str
    modality: str  # "text", "image", …

    @property
    def version(self) -> str:
        """What the vectors depend on. A plain attribute will do, here and for `size`."""
        ...

    @property
    def size(self) -> int:
        """Width of a vector."""
        ...

    def encode(self, inputs: Sequence[Any]) -> Vectors:
        """Vectors of unit length, float32 [len(inputs), size]. Texts are str; images are PIL.Image in RGB."""
        ...


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """An encoder of texts. `encode` reads products; what a shopper types is read by `encode_queries`."""

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of what shoppers type, comparable with those of `encode`. float32 [len(inputs), size]."""
        ...


@runtime_checkable
class FeatureEncoder(Encoder, Protocol):
    """An encoder of texts that also gives what its network knows beneath its vector: made for likeness, the vector has
    lost part of what tells classes apart.

    `features` names what is given and changes with it; "" when this one, as it was opened, gives nothing.
    """

    features: str

    def encode_features(self, inputs: Sequence[str]) -> tuple[Vectors, Vectors]:
        """Vectors as of what shoppers type [len(inputs), size], and with the same reading what lies beneath: numbers
        for a regression, of any length, float32 [len(inputs), any width], the same width always."""
        ...


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How to reach a service that speaks OpenAI's `/v1/embeddings`; what the name "endpoint:MODEL" needs."""

    url: str  # up to and without "/embeddings", for example https://api.openai.com/v1
    api_key: str | None = field(default=None, repr=False)  # sent as a Bearer token; None = sent without one
    size: int | None = None  # numbers a vector; sent as "dimensions" and checked. None = whatever the model gives
    batch: int = 64  # texts a request
    timeout_seconds: float = 30.0  # of one request
    retries: int = 5  # after answers that say "later" (429, 5xx) or none at all
    encoding: str = "float"  # or "base64": a third of the bytes, where the service knows it
    query_prefix: str = ""  # put before what shoppers type, for models that want it ("query: ")
    product_prefix: str = ""  # put before products' texts


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """What an encoder may need to open; each takes what concerns it."""

    model_cache: Path  # where converted pretrained models are kept
    precision: str = "int8"  # the fast one (of hub models: bfloat16 where the chip has it), or "fp32"
    threads: int | None = None  # of one call of `encode`; None = all cores
    modality: str | None = None  # which half of a checkpoint that reads texts and photos; None = texts, if it reads any
    device: str = "auto"  # of hub models: "cpu", "cuda", "cuda:1", "mps"; auto = the accelerator where there is one
    photo: str = "efficientnet-lite0"  # name of the encoder of photos, with which the frames of videos are read
    model: str = ""  # what the name says after its colon; `open_encoder` puts it here
    endpoint: EndpointOptions | None = None
    models: Path | None = None  # folder of the networks that a shop fine-tuned; what the name "finetuned:…" needs


def open_encoder(name: str, options: EncoderOptions) -> Encoder:
    """The encoder of that name in the registry, ready to use.

    A name may end in a parameter: "hub:BAAI/bge-m3", "hub:/models/clip", "endpoint:text-embedding-3-small". An encoder
    class has a class method `open(options: EncoderOptions)`. ConfigurationError for an unknown name, ModelFileError
    when its weights are missing or altered.
    """
    kind, colon, model = name.partition(":")
    if colon and not model.strip():
        raise ConfigurationError(f"the encoder {name!r} lacks what follows the colon, for example hub:BAAI/bge-m3")
    return cast(Encoder, find("encoders", kind + colon).open(replace(options, model=model.strip())))


def shared_space(encoder: Encoder) -> str | None:
    """Name of the space that an encoder's vectors share with those of another modality; None for a space of its own.

    Vectors of two encoders whose names are equal and not None can be compared by their inner product, as a photo with a
    text by the two halves of one CLIP checkpoint.
    """
    return getattr(encoder, "shared_space", None)
