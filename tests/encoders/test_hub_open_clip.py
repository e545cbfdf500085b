"""Checkpoints of open_clip with the package itself, where it is installed (it needs torchvision)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from shoplens.encoders.base import Encoder, EncoderOptions, TextEncoder, open_encoder, shared_space
from shoplens.errors import ModelFileError
from shoplens.testing.encoders import check_encoder

open_clip: Any = pytest.importorskip("open_clip", reason="open-clip-torch and torchvision are not installed")

CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49_408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network with random weights, saved as open_clip saves its own."""
    folder = tmp_path_factory.mktemp("open-clip") / "vit"
    folder.mkdir()
    torch.manual_seed(0)
    model = open_clip.model.CLIP(
        CONFIG["embed_dim"],
        open_clip.CLIPVisionCfg(**CONFIG["vision_cfg"]),
        open_clip.CLIPTextCfg(**CONFIG["text_cfg"]),
    )
    arrays = {name: values.contiguous() for name, values in model.state_dict().items()}
    save_file(arrays, folder / "open_clip_model.safetensors")
    prepare = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG, "preprocess_cfg": prepare}))
    return folder


def opened(folder: Path, modality: str) -> Encoder:
    options = EncoderOptions(folder.parent / "cache", precision="fp32", modality=modality, device="cpu")
    return open_encoder(f"hub:{folder}", options)


def test_both_towers_keep_the_contract_in_one_space(folder: Path) -> None:
    text, image = opened(folder, "text"), opened(folder, "image")
    assert isinstance(text, TextEncoder)
    assert (text.size, image.size) == (16, 16)
    assert shared_space(text) == shared_space(image) is not None
    check_encoder(lambda: opened(folder, "text"))
    check_encoder(lambda: opened(folder, "image"))


def test_vectors_are_those_of_the_package(folder: Path) -> None:
    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    photo = Image.new("RGB", (50, 40), (200, 30, 40))
    with torch.no_grad():
        seen = torch.nn.functional.normalize(model.eval().encode_image(prepare(photo)[None]), dim=-1).numpy()
        read = torch.nn.functional.normalize(model.encode_text(tokenizer(["a red kettle"])), dim=-1).numpy()
    assert np.allclose(opened(folder, "image").encode([photo]), seen, atol=1e-5)
    assert np.allclose(opened(folder, "text").encode(["a red kettle"]), read, atol=1e-5)


def test_damaged_weights_are_named(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "cut"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes()[: -100 if file.suffix == ".safetensors" else None])
    with pytest.raises(ModelFileError, match="cut"):
        opened(other, "text").encode(["x"])
