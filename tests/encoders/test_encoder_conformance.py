"""Every built-in encoder keeps the contract, and the checks notice encoders that do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoplens.encoders.base import Encoder, EncoderOptions, TextEncoder, Vectors, open_encoder
from shoplens.errors import ConfigurationError
from shoplens.registry import names
from shoplens.testing.encoders import check_encoder

PLAIN = [name for name in names("encoders") if not name.endswith(":")]  # the others want something after the colon


@pytest.mark.parametrize("name", PLAIN)
def test_built_in_encoders_keep_the_contract(name: str, model_cache: Path) -> None:
    check_encoder(lambda: open_encoder(name, EncoderOptions(model_cache, threads=1)))


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
