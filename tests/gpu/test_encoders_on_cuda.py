"""Hub models give the same vectors on a CUDA device as on a CPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from shoplens.encoders.base import EncoderOptions, TextEncoder
from shoplens.encoders.hub_device import choose_hardware

pytest.importorskip("transformers", reason="the extra `hub` is not installed")
pytest.importorskip("sentence_transformers", reason="the extra `hub` is not installed")

from tests.encoders.tiny_checkpoints import HALVES, save_all

from shoplens.encoders.hub import HubEncoder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")


TEXTS = ("red running shoes", "红色跑步鞋", "A long description. " * 50, "café crème, 100 % arabica", "x", "")


def sample_photos() -> list[Image.Image]:
    """Noise, a ramp, one colour, and one that is wide."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    ramp = Image.linear_gradient("L").convert("RGB")
    return [Image.fromarray(noise), ramp, Image.new("RGB", (40, 40), (200, 30, 30)), ramp.resize((300, 40))]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_all(tmp_path_factory.mktemp("checkpoints"))


def opened(folder: Path, half: str, device: str, precision: str, cache: Path) -> Any:
    return HubEncoder.open(
        EncoderOptions(model_cache=cache, precision=precision, modality=half, device=device, model=str(folder))
    )


def inputs(half: str) -> Any:
    return TEXTS if half == "text" else sample_photos()


@pytest.mark.parametrize(("name", "half", "size"), HALVES)
def test_the_same_vectors_in_fp32(name: str, half: str, size: int, saved: Path, tmp_path: Path) -> None:
    cpu, cuda = (opened(saved / name, half, device, "fp32", tmp_path) for device in ("cpu", "cuda"))
    assert cpu.version == cuda.version
    here, there = cpu.encode(inputs(half)), cuda.encode(inputs(half))
    assert there.shape == (len(inputs(half)), size)
    assert there.dtype == np.float32
    np.testing.assert_allclose(there, here, atol=1e-4)
    if half == "text":
        assert isinstance(cuda, TextEncoder)
        np.testing.assert_allclose(cuda.encode_queries(TEXTS), cpu.encode_queries(TEXTS), atol=1e-4)


@pytest.mark.parametrize(("name", "half", "size"), HALVES)
def test_nearly_the_same_in_bfloat16(name: str, half: str, size: int, saved: Path, tmp_path: Path) -> None:
    cpu = opened(saved / name, half, "cpu", "fp32", tmp_path)
    cuda = opened(saved / name, half, "auto", "int8", tmp_path)
    assert cuda.version.endswith("-bf16")
    assert cuda.version != cpu.version
    likeness = (cuda.encode(inputs(half)) * cpu.encode(inputs(half))).sum(1)
    assert likeness.min() > 0.98


def test_many_at_once_and_from_several_threads(saved: Path, tmp_path: Path) -> None:
    encoder = opened(saved / "clip", "image", "cuda", "fp32", tmp_path)
    photos = sample_photos() * 20
    whole = encoder.encode(photos)
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(encoder.encode, [photos[:30], photos[30:60], photos[60:]]))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    backend: Any = torch.backends.cudnn
    assert backend.conv.fp32_precision == "tf32"  # as it was before


def test_a_device_too_many_is_said() -> None:
    assert choose_hardware("cuda:0", "fp32").device.index == 0
    with pytest.raises(Exception, match="no device"):
        choose_hardware(f"cuda:{torch.cuda.device_count()}", "fp32")
