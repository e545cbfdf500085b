"""Any model of transformers or sentence-transformers, by name or local folder: "hub:BAAI/bge-m3", "hub:/models/clip".

Written under [encoders] in shoplens.toml, for texts, for photos or for both; with both halves of one CLIP, Chinese-CLIP
or SigLIP checkpoint, words and photos are in one space without any training. A name may end in a revision:
"hub:BAAI/bge-m3@5617a9f".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from shoplens.encoders.base import Encoder, EncoderOptions, Vectors
from shoplens.encoders.hub_checkpoint import Checkpoint, find_checkpoint
from shoplens.encoders.session import Later
from shoplens.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from shoplens.encoders.hub_network import ReadsPhotos, ReadsTexts

REVISION = "1"  # of how checkpoints are asked: part of `version`
PACKAGES = ("transformers", "sentence_transformers", "huggingface_hub", "safetensors")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
PHOTO_FILES = ("preprocessor_config.json",)


class HubEncoder(ABC):
    """One half of a checkpoint: its texts or its photos. Loads at the first input.

    Calls from several threads queue up: torch has threads of its own, one call fills the cores (or the accelerator).
    `version` holds the SHA-256 of the checkpoint's files and the precision: a changed model never mixes with old
    vectors. `shared_space` is equal for two encoders whose vectors can be compared, None for a space of its own.
    """

    modality: str

    def __init__(self, checkpoint: Checkpoint, options: EncoderOptions, modalities: frozenset[str]) -> None:
        from shoplens.encoders.hub_device import choose_hardware
        from shoplens.encoders.hub_families import open_network

        hardware = choose_hardware(options.device, options.precision)
        digest = checkpoint.digest[:16]
        last = checkpoint.name.rstrip("/").replace("\\", "/").partition("@")[0].rsplit("/", maxsplit=1)[-1]
        safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in last)
        self.name = f"hub-{safe or 'model'}"  # names the folder of the feature table
        self.version = f"{REVISION}-{digest}-{hardware.precision}"
        self.shared_space = f"hub-{digest}" if len(modalities) > 1 else None
        self._checkpoint = checkpoint
        self._network: Later[Any] = Later(lambda: open_network(checkpoint, hardware, modalities))

    @classmethod
    def open(cls, options: EncoderOptions) -> Encoder:
        """The half that `options.modality` names, or the texts where the checkpoint reads texts.

        ConfigurationError when there is no such model or half, ModelFileError when it cannot be downloaded or must not
        be opened, MissingExtraError without the extra `hub`.
        """
        if not all(find_spec(package) for package in PACKAGES):
            raise MissingExtraError("a model of the hub", "hub")
        checkpoint = find_checkpoint(options.model, options.model_cache)
        modalities = modalities_of(checkpoint)
        wanted = options.modality or ("text" if "text" in modalities else "image")
        if wanted not in modalities:
            reads = " and ".join(sorted(modalities)) or "neither text nor image"
            raise ConfigurationError(
                f"hub:{options.model} reads {reads}, not {wanted}; choose another model for {wanted}"
            )
        if wanted == "text":
            return HubTextEncoder(checkpoint, options, modalities)
        return HubImageEncoder(checkpoint, options, modalities)

    @property
    def size(self) -> int:
        """Width of a vector. The first time it is asked for, it loads the checkpoint; then it is remembered."""
        kept = self._checkpoint.remember(self.modality, {})
        if kept.get("digest") == self._checkpoint.digest:
            return int(kept["size"])
        size = self._probe().shape[1]
        self._checkpoint.remember(self.modality, {"digest": self._checkpoint.digest, "size": size}, write=True)
        return int(size)

    def load(self) -> None:
        """Load the network now rather than at the first input. ModelFileError when it cannot be read."""
        self._network.get()

    @abstractmethod
    def _probe(self) -> Vectors:
        """A vector of anything."""

    def _run(self, inputs: Sequence[Any], call: Callable[[Any], Vectors]) -> Vectors:
        if not len(inputs):
            return np.empty((0, self.size), np.float32)
        return call(self._network.get())


class HubTextEncoder(HubEncoder):
    """Texts of a checkpoint. Texts longer than the network reads are cut."""

    modality = "text"

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of product texts. float32 [len(inputs), size], unit length."""
        return self._read(inputs, queries=False)

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of what shoppers type, with the checkpoint's prompt for queries. float32 [len(inputs), size]."""
        return self._read(inputs, queries=True)

    def _read(self, inputs: Sequence[str], *, queries: bool) -> Vectors:
        def call(network: ReadsTexts) -> Vectors:
            return network.texts(inputs, queries=queries)

        return self._run(inputs, call)

    def _probe(self) -> Vectors:
        return self.encode(["size"])


class HubImageEncoder(HubEncoder):
    """Photos of a checkpoint."""

    modality = "image"

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Vectors of RGB photos. float32 [len(inputs), size], unit length."""

        def call(network: ReadsPhotos) -> Vectors:
            return network.photos(inputs)

        return self._run(inputs, call)

    def _probe(self) -> Vectors:
        return self.encode([Image.new("RGB", (64, 64))])


def modalities_of(checkpoint: Checkpoint) -> frozenset[str]:
    """What a checkpoint reads, by the files it has: "text" with a tokenizer, "image" with a photo processor."""

    def has(patterns: Sequence[str]) -> bool:
        return any(any(checkpoint.folder.rglob(pattern)) for pattern in patterns)

    if checkpoint.is_open_clip:
        return frozenset({"text", "image"})
    processors = [
        checkpoint.read_json(str(path.relative_to(checkpoint.folder)))
        for path in checkpoint.folder.rglob("processor_config.json")
    ]
    found = set()
    if has(TOKENIZER_FILES):
        found.add("text")
    if has(PHOTO_FILES) or any("image_processor" in one for one in processors):
        found.add("image")
    return frozenset(found)
