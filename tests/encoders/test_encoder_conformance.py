"""Every built-in encoder keeps the contract, and the checks notice encoders that do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shoplens.encoders.base import Encoder, EncoderOptions, TextEncoder, Vectors, open_encoder
from shoplens.encoders.ocr import Line, PhotoText
from shoplens.errors import ConfigurationError
from shoplens.registry import find, names
from shoplens.service.encoders import FOUND, MODALITIES
from shoplens.testing.encoders import SAMPLES, check_encoder, check_recogniser
from shoplens.testing.sample_media import sample_tone

PLAIN = [name for name in names("encoders") if not name.endswith(":")]  # the others want something after the colon


#: A window of Whisper's takes the better part of a second, however short the sound.
FEWER: dict[str, list[Any]] = {"whisper-base": [sample_tone(0.5), np.zeros(0, np.float32)]}


@pytest.mark.parametrize("name", PLAIN)
def test_built_in_encoders_keep_the_contract(name: str, model_cache: Path) -> None:
    check_encoder(lambda: open_encoder(name, EncoderOptions(model_cache, threads=1)), FEWER.get(name))


@pytest.mark.parametrize("name", [name for name in names("recognisers") if not name.endswith(":")])
def test_built_in_recognisers_keep_the_contract(name: str, model_cache: Path) -> None:
    check_recogniser(lambda: find("recognisers", name).open(EncoderOptions(model_cache, threads=1)))


def test_every_modality_has_an_encoder_and_samples() -> None:
    assert set(SAMPLES) == set(MODALITIES) - set(FOUND)


def test_text_encoders_read_queries_too(model_cache: Path) -> None:
    for name in ("e5-small", "hashed-ngrams"):
        assert isinstance(open_encoder(name, EncoderOptions(model_cache)), TextEncoder)


def test_an_unknown_encoder_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="hashed-ngrams"):
        open_encoder("clip", EncoderOptions(tmp_path))


class Wrong:
    """An encoder that breaks one rule at a time."""

    name, version, modality, size = "wrong", "1", "text", 4

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0

    def encode(self, inputs: Sequence[str]) -> Vectors:
        self.calls += 1
        values: Any = np.full((len(inputs), 4), 0.5, np.float32)
        if self.fault == "length":
            values *= 2
        if self.fault == "random" and self.calls > 2:
            values[:, 0] *= -1
        if self.fault == "batch" and len(inputs) == 1:
            values[:, 0] *= -1
        if self.fault == "dtype":
            values = values.astype(np.float64)
        if self.fault == "nan" and len(inputs):
            values[0, 0] = np.nan
        if self.fault == "width":
            values = values[:, :3]
        result: Vectors = values
        return result


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("length", "are not 1"), ("random", "other vectors"), ("batch", "depends on its batch"),
        ("dtype", "float32"), ("nan", "finite"), ("width", "shape"),
    ],
)  # fmt: skip
def test_the_checks_notice_what_is_wrong(fault: str, words: str) -> None:
    def make() -> Encoder:
        return Wrong(fault)

    with pytest.raises(AssertionError, match=words):
        check_encoder(make)


def test_the_checks_pass_a_plain_encoder() -> None:
    check_encoder(lambda: Wrong("none"))


class WrongWords:
    """A recogniser of photos that breaks one rule at a time."""

    name, version, modality = "wrong", "1", "ocr"

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def read(self, photos: Sequence[Image.Image]) -> list[PhotoText]:
        right = 9_000.0 if self.fault == "box" else 1.0
        line = Line("word", 3.0 if self.fault == "confidence" else 0.5, (0.0, 0.0, right, 1.0))
        pages = [PhotoText("" if self.fault == "empty" else "word", (line,), 0.5) for _ in photos]
        return pages[1:] if self.fault == "count" else pages


@pytest.mark.parametrize(
    ("fault", "words"),
    [("box", "outside"), ("confidence", "between 0 and 1"), ("empty", "needs lines"), ("count", "answers to")],
)
def test_the_checks_notice_wrong_words(fault: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_recogniser(lambda: WrongWords(fault))
    check_recogniser(lambda: WrongWords("none"))
