from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.features.align.painted_shop import new_reader, painted_shop

from shoplens.encoders.base import Vectors
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.features.align.bridge import ClassNameBridge, OneNetworkBridge, bridge_of, class_names
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import train_alignment


class OneClassPhotos:
    """Sees in every photo the class that its one number says."""

    name, version, modality, size = "one-class", "1", "image", 1
    blocks: Mapping[str, slice] = MappingProxyType({"embedding": slice(0, 1)})

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        return np.ones((len(inputs), 1), np.float32)

    def class_probabilities(self, embedding: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        probabilities = np.full((len(embedding), 1000), 1e-5, np.float32)
        probabilities[np.arange(len(embedding)), embedding[:, 0].astype(int)] = 0.99
        return probabilities


class SharedPhotos(OneClassPhotos):
    """Half of a network whose other half reads texts."""

    size = 256
    shared_space = "both"


class SharedTexts(HashedNgramEncoder):
    shared_space = "both"


def test_photos_are_found_by_the_names_of_their_classes() -> None:
    names = class_names()
    assert len(names) == 1000
    wanted = ["backpack", "teapot", "banana"]
    photos = np.array([[names.index(name)] for name in wanted], np.float32)
    bridge = bridge_of(OneClassPhotos(), new_reader())
    assert isinstance(bridge, ClassNameBridge)
    scores = bridge.text_vectors(["a backpack", "teapots", "香蕉"]) @ bridge.photo_vectors(photos).T
    assert scores.argmax(1).tolist() == [0, 1, 2]


def test_two_halves_of_one_network_need_no_names() -> None:
    reader = Reader(SharedTexts(size=256))
    bridge = bridge_of(SharedPhotos(), reader)
    assert isinstance(bridge, OneNetworkBridge)
    seen = reader.encoder.encode(["red cap", "blue belt"])
    assert (bridge.text_vectors(["belt", "cap"]) @ bridge.photo_vectors(seen).T).argmax(1).tolist() == [1, 0]


@pytest.mark.slow
def test_one_network_is_aligned_further() -> None:
    lessons, truth = painted_shop(340, seed=2)
    reader = Reader(SharedTexts(size=256))
    seen = reader.encoder.encode([f"{kind}" for kind in truth[:, 0]])  # it sees kinds, and no colours
    lessons = replace(lessons, photos=replace(lessons.photos, image=seen))
    bridge = bridge_of(SharedPhotos(), reader)
    alignment, report = train_alignment(lessons, reader, bridge, one_network=True, members=1)
    assert report.gained
    assert report.aligned["en"].ndcg > report.bridge["en"].ndcg + 0.1
    photos, texts = alignment.photo_vectors(lessons.photos), alignment.text_vectors(["red belt"])
    assert photos.shape == (340, alignment.size)
    assert texts.shape == (1, alignment.size)
    best = np.argsort(-alignment.rescore(texts, photos)[0])[:5]
    assert (truth[best] == ["Belts", "Red"]).all()


def test_photos_that_say_nothing_have_no_bridge() -> None:
    silent = OneClassPhotos()
    silent.blocks = MappingProxyType({"layers": slice(0, 1)})
    assert bridge_of(silent, new_reader()) is None
