"""What was learnt in torch is what ONNX Runtime answers with, in a folder that shows when it was touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.encoders.e5_graph import write_e5
from shoplens.encoders.e5_torch import LearntE5, padded
from shoplens.encoders.efficientnet_graph import LITE0
from shoplens.encoders.image import EfficientNetEncoder
from shoplens.encoders.session import open_session
from shoplens.errors import ConfigurationError, ModelFileError
from shoplens.learning.finetune.photos import PhotoTower, Seen
from shoplens.learning.finetune.words import TextTower

TEXTS = ["red cotton shirt", "蓝色 牛仔裤", "Milk, whole. dairy. 1 gallon"]


def shaken(module: torch.nn.Module) -> None:
    """Other numbers than the package's, as after learning."""
    torch.manual_seed(0)
    with torch.no_grad():
        for one in module.parameters():
            if one.requires_grad and one.ndim > 1:
                one.add_(0.05 * one.std() * torch.randn_like(one))


def photos(many: int) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8)).resize((90, 90), Image.Resampling.NEAREST)
        for _ in range(many)
    ]


def silent(_done: int, _total: int) -> None:
    pass


@pytest.mark.slow
def test_photos(tmp_path: Path) -> None:
    shown = photos(8)
    tower = PhotoTower(LITE0)
    seen = Seen.look(tower, iter(shown), len(shown), silent)
    shaken(tower)
    expected = seen.vectors(tower)
    folder = tower.export(tmp_path, seen)
    assert tower.export(tmp_path, seen) == folder  # the same numbers have the same name
    options = EncoderOptions(tmp_path / "cache", threads=1, models=tmp_path)
    frozen = open_encoder("efficientnet-lite0", options)
    encoder = open_encoder(f"finetuned:{folder.name}", options)
    assert isinstance(encoder, EfficientNetEncoder)
    assert isinstance(frozen, EfficientNetEncoder)
    assert (encoder.name, encoder.blocks) == (frozen.name, frozen.blocks)
    assert encoder.version == f"{frozen.version}+{folder.name.rpartition('-')[2]}"
    vectors, before = encoder.encode(shown), frozen.encode(shown)
    assert (vectors * expected).sum(1).min() > 0.999
    assert (vectors * before).sum(1).max() < 0.999  # it is another network
    now, then = (
        one.class_probabilities(each[:, : LITE0.features]) for one, each in ((encoder, vectors), (frozen, before))
    )
    assert (now.argmax(1) == then.argmax(1)).mean() >= 0.75  # and still knows what things are called
    graph = folder / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        open_encoder(f"finetuned:{folder.name}", options).encode(shown)


class FewWords(LearntE5):
    """Of the table of words, four fifths of the graph, these rows only."""

    def __init__(self, whole: LearntE5, words: npt.NDArray[np.int64]) -> None:
        super().__init__(whole.packed, whole.learnt)
        self.words = words

    def unpacked(self, name: str, width: int) -> npt.NDArray[np.float32]:
        if name == "emb.word":
            return self.packed.unpacked_rows(name, width, self.words)
        return super().unpacked(name, width)


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.999), ("int8", 0.97)])
def test_texts(precision: str, least: float, tmp_path: Path, tower: TextTower) -> None:
    ids, present = padded(tower.e5.tokens(TEXTS, 32, "query: "))
    words, renumbered = np.unique(ids.numpy(), return_inverse=True)
    write_e5(FewWords(tower.weights(), words), precision, tmp_path / "model.onnx")
    given = {"input_ids": renumbered.reshape(ids.shape), "attention_mask": present.long().numpy()}
    vectors = open_session(tmp_path / "model.onnx", 1).run(["embedding"], given)[0]
    expected = tower.read(TEXTS, "query: ").before
    assert (vectors * expected).sum(1).min() > least
    frozen = TextTower().read(TEXTS, "query: ").before
    assert (expected * frozen).sum(1).max() < 0.999  # it is another network


@pytest.fixture(scope="module")
def tower() -> TextTower:
    made = TextTower()
    shaken(made)
    return made


@pytest.mark.parametrize("name", ["../elsewhere", ".hidden"])
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        open_encoder(f"finetuned:{name}", EncoderOptions(tmp_path, models=tmp_path))
    with pytest.raises(ConfigurationError, match="workspace"):
        open_encoder("finetuned:e5-small-1", EncoderOptions(tmp_path))
