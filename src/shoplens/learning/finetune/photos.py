"""EfficientNet-Lite with its last blocks free to learn.

What lies below them never changes, so it is reckoned once for each photo and kept and an epoch never looks below
it. Batch normalisation keeps the statistics of ImageNet: a shop's batches are too alike for their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from shoplens.encoders.efficientnet_graph import (
    CLASSES,
    GRAPH,
    SHARES,
    Network,
    export_graph,
    read_body,
    standardised,
    summary,
    training_statistics,
    write_classes,
    write_graph,
)
from shoplens.encoders.finetuned import write_finetuned
from shoplens.encoders.hub_device import Hardware
from shoplens.encoders.image import prepare_photo
from shoplens.encoders.session import open_session
from shoplens.features.align.contrastive import Space, contrastive_loss, fit_space, start
from shoplens.features.align.facets import Codes
from shoplens.features.align.networks import CLIP, Floats, Scaling
from shoplens.learning.finetune.sayings import Sayings

SHARE = 0.5  # of what was learnt in what is exported, see `PhotoTower.soften`
AT_ONCE = 8  # photos that the lower part looks at together
FAITH = 0.1  # of a class's weights to what ImageNet taught, against what the shop's photos say (ridge)


class PhotoTower(nn.Module):
    """`forward` gives what the encoder gives: all blocks, each with its share of the length."""

    def __init__(self, network: Network) -> None:
        """ModelFileError when the package's file is missing or altered."""
        super().__init__()
        self.network = network
        body = read_body(network, network.weights.locate())
        self.statistics = training_statistics(body, network.stages)
        body.requires_grad_(False)
        self.cut = network.stages[-2] + 1  # the last two stages and the head learn
        for one in (*body._blocks[self.cut :], body._conv_head, body._bn1):
            one.requires_grad_(True)
        self.before = {name: one.detach().clone() for name, one in body.named_parameters() if one.requires_grad}
        self.body = body.to(memory_format=torch.channels_last)  # a third quicker on processors

    @property
    def size(self) -> int:
        """Width of a vector."""
        return self.network.features + 2 * self.network.layers

    def train(self, mode: bool = True) -> PhotoTower:
        """Stays as it is when it looks: see the top of this file."""
        super().train(mode)
        self.body.eval()
        return self

    def write_below(self, file: Path) -> None:
        """The part that does not learn, as a graph: photos → the map that the upper part reads ("map"), and summaries
        of the stages until there ("stages"). ONNX Runtime runs it at more than twice the speed of torch."""
        tower = self

        class Below(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = tower.body

            def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
                values = self.body._swish(self.body._bn0(self.body._conv_stem(photos)))
                found = []
                for number, block in enumerate(self.body._blocks[: tower.cut]):
                    values = block(values)
                    if number in tower.network.stages:
                        found.append(summary(values))
                return values, torch.cat(found, 2)

        export_graph(Below().eval(), self.network.side, ["map", "stages"], file)

    def forward(self, maps: Tensor, stages: Tensor) -> Tensor:
        """From what `below` gave: float32 [n, size]."""
        parts = zip(self.blocks(maps, stages), SHARES.values(), strict=True)
        return torch.cat([nn.functional.normalize(one.float(), dim=1) * share**0.5 for one, share in parts], 1)

    def blocks(self, maps: Tensor, stages: Tensor) -> tuple[Tensor, ...]:
        """All blocks before they are scaled, "embedding" first."""
        body: Any = self.body
        values, found = maps, [stages]
        for number in range(self.cut, len(body._blocks)):
            values = body._blocks[number](values)
            if number in self.network.stages:
                found.append(summary(values.float()))
        values = body._swish(body._bn1(body._conv_head(values)))
        return values.float().mean((2, 3)), *standardised(torch.cat(found, 2), self.statistics)

    @torch.no_grad()
    def soften(self, share: float) -> None:
        """Between what was learnt (1) and the package's numbers (0): networks on the straight line between both keep
        more of what they knew, and generalise better than either end (Wortsman et al. 2022, arXiv:2109.01903)."""
        for name, value in self.body.named_parameters():
            if name in self.before:
                value.lerp_(self.before[name].to(value.device), 1 - share)

    def learnt(self) -> dict[str, Any]:
        """The numbers that may differ from the package's, by name."""
        named = self.body.named_parameters()
        return {name: value.detach().float().cpu().numpy() for name, value in named if value.requires_grad}

    def export(self, models: Path, seen: Seen) -> Path:
        """As an encoder version of its own; returns its folder. `seen`: what class names are fitted to again."""
        self.eval().cpu()

        def write(folder: Path) -> None:
            write_graph(self.network, self.body, self.statistics, folder / GRAPH)
            write_classes(folder / CLASSES, *self.classes(seen))

        facts = {"base": self.network.name, "precision": "fp32", "package": self.network.version}
        return write_finetuned(models, facts, self.learnt(), self.network.weights, (GRAPH, CLASSES), write)

    @torch.no_grad()
    def classes(self, seen: Seen) -> tuple[Floats, Floats]:
        """ImageNet's classifier for the embedding as it is now: it says of the shop's photos what it said before, and
        where they say nothing it stays (ridge regression of the difference)."""
        weights, bias = self.body._fc.weight.double(), self.body._fc.bias.double()
        gram = torch.zeros(weights.shape[1], weights.shape[1], dtype=torch.float64)
        wanted = torch.zeros(weights.shape[1], weights.shape[0], dtype=torch.float64)
        for maps, stages, before in seen.again():
            now = nn.functional.normalize(self.blocks(maps, stages)[0].double(), dim=1) * self.network.length
            then = nn.functional.normalize(before.double(), dim=1) * self.network.length
            gram += now.T @ now
            wanted += now.T @ ((then - now) @ weights.T)
        gram += FAITH * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64) + 1e-6 * torch.eye(len(gram))
        changed = weights + torch.linalg.solve(gram, wanted).T
        return changed.float().numpy(), bias.float().numpy()


class Seen:
    """What the lower part made of photos, in half precision: 44 KB a photo."""

    def __init__(self, maps: Tensor, stages: Tensor, before: Tensor) -> None:
        self.maps = maps  # [n, channels, height, width] float16
        self.stages = stages  # [n, 2, channels of the stages below]: averages and spreads
        self.before = before  # [n, features]: the embedding of the network as it was

    @classmethod
    def look(
        cls, tower: PhotoTower, photos: Iterator[Image.Image], many: int, tell: Callable[[int, int], None]
    ) -> Seen:
        """Look at `many` photos once."""
        maps, stages, before = [], [], []
        tower.eval()
        with TemporaryDirectory() as folder:
            tower.write_below(Path(folder) / GRAPH)
            session = open_session(Path(folder) / GRAPH, None)
        for begin in range(0, many, AT_ONCE):
            batch = [prepare_photo(next(photos), tower.network.side) for _ in range(min(AT_ONCE, many - begin))]
            values, sums = map(torch.from_numpy, session.run(["map", "stages"], {"photos": np.stack(batch)}))
            values = values.contiguous(memory_format=torch.channels_last)
            with torch.no_grad():
                before.append(tower.blocks(values, sums)[0])
            maps.append(values.half())
            stages.append(sums)
            tell(begin + len(batch), many)
        return cls(torch.cat(maps), torch.cat(stages), torch.cat(before))

    @torch.no_grad()
    def vectors(self, tower: PhotoTower) -> Floats:
        """As the network is now. [n, size]"""
        return torch.cat([tower(maps, stages) for maps, stages, _ in self.again()]).numpy()

    def again(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Everything, a few photos at a time."""
        for begin in range(0, len(self.maps), AT_ONCE * 4):
            rows = slice(begin, begin + AT_ONCE * 4)
            yield self.maps[rows].float(), self.stages[rows], self.before[rows]


class PhotoTask:
    """Photos learn to lie where the frozen text encoder puts what is said of them."""

    def __init__(
        self,
        tower: PhotoTower,
        seen: Seen,
        sayings: Sayings,
        colours: Floats | None,
        *,
        hardware: Hardware,
        seed: int,
    ) -> None:
        """`seen`: photos of `sayings.photos`, in order; `colours` [products, …]: their signatures, which stay."""
        self.network = tower
        self.tower, self.seen, self.sayings, self.hardware = tower, seen, sayings, hardware
        self.place = np.full(len(sayings.has), -1, np.int64)
        self.place[sayings.photos] = np.arange(len(sayings.photos))
        self.rest = np.zeros((len(sayings.has), 0), np.float32) if colours is None else colours
        self.looks = np.zeros((len(sayings.has), tower.size + self.rest.shape[1]), np.float32)
        self.looks[sayings.photos] = np.concatenate([seen.vectors(tower), self.rest[sayings.photos]], 1)
        self.projections = Meeting(*start_space(sayings, self.looks, sayings.vectors, seed))

    def batches(self, size: int, random: np.random.Generator) -> list[Codes]:
        """See `Task`."""
        return self.sayings.batches(self.looks, size, random)

    def checks(self, size: int) -> list[Codes]:
        """See `Task`."""
        return cut_up(self.sayings.check, size)

    def loss(self, products: Codes, random: np.random.Generator) -> Tensor:
        """See `Task`."""
        chosen = self.sayings.of(products, random)
        rows = torch.from_numpy(self.place[products])
        take = self.hardware.device
        vectors = self.tower(self._maps(rows), self.seen.stages[rows].to(take))
        photos = torch.cat([vectors, torch.from_numpy(self.rest[products]).to(take)], 1)
        texts = torch.from_numpy(self.sayings.vectors[self.sayings.text[chosen]]).to(take)
        right = torch.from_numpy(self.sayings.right(chosen, products)).to(take)
        return contrastive_loss(self.projections(photos, texts), right)

    def _maps(self, rows: Tensor) -> Tensor:
        maps = self.seen.maps[rows].to(self.hardware.device).float()
        if self.tower.training:  # half of the photos mirrored, as nearly as their maps can be
            mirrored = torch.rand(len(maps), device=maps.device) < 0.5
            maps[mirrored] = maps[mirrored].flip(3)
        return maps.contiguous(memory_format=torch.channels_last)


class Meeting(nn.Module):
    """The space in which photos and texts are compared: what `contrastive.fit_space` learnt, learning on."""

    def __init__(self, space: Space, scaling: Scaling) -> None:
        super().__init__()
        self.photo = nn.Parameter(torch.from_numpy(space.photo.copy()))
        self.text = nn.Parameter(torch.from_numpy(space.text.copy()))
        self.warmth = nn.Parameter(torch.tensor(float(np.log(20.0))))
        self.mean = nn.Parameter(torch.from_numpy(scaling.mean.copy()), requires_grad=False)
        self.deviation = nn.Parameter(torch.from_numpy(scaling.deviation.copy()), requires_grad=False)

    def forward(self, photos: Tensor, texts: Tensor) -> Tensor:
        """Photos [n, inputs] and texts [m, inputs] → scores [m, n]."""
        with torch.autocast(photos.device.type, enabled=False):
            scaled = ((photos.float() - self.mean) / self.deviation).clamp(-CLIP, CLIP)
            inside = nn.functional.dropout(scaled, 0.2, self.training)
            places = nn.functional.normalize(inside @ self.photo, dim=1)
            said = nn.functional.normalize(texts.float() @ self.text, dim=1)
            return said @ places.T * self.warmth.exp().clamp(max=100.0)


def start_space(sayings: Sayings, looks: Floats, vectors: Floats, seed: int) -> tuple[Space, Scaling]:
    """The space of both sides as frozen encoders see them, `looks` [products, …] and `vectors` [texts, …]: fine-tuning
    goes on from there, so that what it gains is not what projections alone would have gained."""
    scaling = Scaling.fit(looks[sayings.learn])
    learn, check = (
        sayings.pairs(products, scaling(looks[products]), vectors) for products in (sayings.learn, sayings.check)
    )
    first = np.searchsorted(learn.rows, np.arange(len(learn.photos)))
    begin = start(learn.photos, learn.texts, learn.texts[first])
    space, _ = fit_space(begin, learn, check if len(check.rows) else None, seed=seed)
    return space, scaling


def cut_up(products: Codes, size: int) -> list[Codes]:
    """In pieces of at most `size`."""
    return [products[begin : begin + size] for begin in range(0, len(products), size)]
