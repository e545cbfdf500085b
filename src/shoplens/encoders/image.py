"""Photos to vectors: EfficientNet-Lite (Tan and Le 2019, arXiv:1905.11946), trained on ImageNet, two sizes.

A vector has three blocks. "embedding" is the last feature map, averaged over the picture: what the thing is. "layers"
are the last maps of the five stages before it, averaged likewise: colour, texture, material, which the last map was
trained to forget. "spread" is how much those maps vary over the picture: patterns, and how much of it the thing fills.
Each block has a fixed share of the squared length (`SHARES`), so that the cosine of two vectors is the mean of the
blocks' cosines weighted by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.blocks import scale_blocks
from shoplens.encoders.efficientnet_graph import CLASSES, GRAPH, LITE0, LITE2, SHARES, Network, conversion
from shoplens.encoders.model_cache import ConvertedModel, prepare
from shoplens.encoders.session import Later, open_session

MARGIN = 0.875  # share of the shorter side that the crop keeps, as in training
PHOTOS_A_BATCH = 2  # its activations stay in the cache: 16 at a time took a quarter longer on one core


class EfficientNetEncoder:
    """What both sizes share: ONNX Runtime, fp32. Loads at the first photo; safe to share between threads."""

    modality = "image"
    network: ClassVar[Network]
    name: str
    size: int
    blocks: Mapping[str, slice]

    def __init_subclass__(cls) -> None:
        cls.name = cls.network.name
        cls.size = cls.network.features + 2 * cls.network.layers
        cls.blocks = cls.network.blocks

    def __init__(
        self, cache: Path, *, threads: int | None = None, model: ConvertedModel | None = None, learnt: str = ""
    ) -> None:
        """`model`: files of a fine-tuned network instead of the package's, and `learnt` what tells it from others."""
        self.version = f"{self.network.version}+{learnt}" if learnt else self.network.version
        made = conversion(self.network)
        self._session = Later(lambda: open_session((model or prepare(cache, made)).file(GRAPH), threads))
        self._classes = Later(lambda: _read_classes((model or prepare(cache, made)).file(CLASSES)))

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """As the settings want it."""
        return cls(options.model_cache, threads=options.threads)

    @classmethod
    def finetuned(cls, options: EncoderOptions, model: ConvertedModel, precision: str, learnt: str) -> Self:  # noqa: ARG003 - fp32 alone
        """With the network that a shop fine-tuned."""
        return cls(options.model_cache, threads=options.threads, model=model, learnt=learnt)

    def load(self) -> None:
        """Load the network now rather than at the first photo. ModelFileError when its files are missing or altered."""
        self._session.get()

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Vectors of RGB photos. float32 [len(inputs), size], unit length, laid out as `blocks` says."""
        session = self._session.get()
        vectors = np.empty((len(inputs), self.size), np.float32)
        for start in range(0, len(inputs), PHOTOS_A_BATCH):
            batch = inputs[start : start + PHOTOS_A_BATCH]
            photos = np.stack([prepare_photo(photo, self.network.side) for photo in batch])
            outputs = session.run(list(self.blocks), {"photos": photos})
            vectors[start : start + len(photos)] = np.concatenate(outputs, axis=1)
        return scale_blocks(vectors, self.blocks, list(SHARES.values()))

    def class_probabilities(self, embedding: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """What ImageNet's 1,000 classes say about photos, from the block "embedding" [n, 1280] of any length.

        float32 [n, 1000]; each row sums to 1. The vector does not keep the length that the network gave the block, so
        a typical one stands in: the order of the classes stays (the first is the same for 99.7 % of photos), how sure
        the network is becomes typical too.
        """
        weights, bias = self._classes.get()
        features = np.asarray(embedding, np.float32)
        lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        logits = features * (self.network.length / lengths) @ weights.T + bias
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        probabilities: npt.NDArray[np.float32] = logits / logits.sum(axis=1, keepdims=True)
        return probabilities


class EfficientNetLite0(EfficientNetEncoder):
    """The small one: 224 × 224 pixels, 1,280 + 2 × 448 numbers; twice as fast."""

    network = LITE0


class EfficientNetLite2(EfficientNetEncoder):
    """The larger one: 260 × 260 pixels, 1,280 + 2 × 488 numbers; knows more."""

    network = LITE2


def prepare_photo(photo: Image.Image, side: int) -> npt.NDArray[np.float32]:
    """The centre square, `MARGIN` of the shorter side, as the network wants it. float32 [3, side, side]."""
    # Crop first, in the photo's own pixels, then resize once.
    kept = min(photo.size) * MARGIN
    left, top = (photo.width - kept) / 2, (photo.height - kept) / 2
    square = photo.convert("RGB").resize(
        (side, side), Image.Resampling.BICUBIC, box=(left, top, left + kept, top + kept), reducing_gap=2.0
    )
    values = (np.asarray(square, np.float32) - 127.0) / 128.0
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _read_classes(file: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weights [1000, 1280] and bias [1000] of the classifier."""
    with np.load(file, allow_pickle=False) as arrays:
        return arrays["weights"], arrays["bias"]
