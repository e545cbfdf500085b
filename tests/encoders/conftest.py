from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplens.encoders.image import EfficientNetLite0
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.text import E5Encoder


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def e5(model_cache: Path) -> E5Encoder:
    return E5Encoder(model_cache, threads=1)


@pytest.fixture(scope="session")
def efficientnet(model_cache: Path) -> EfficientNetLite0:
    return EfficientNetLite0(model_cache, threads=1)


@pytest.fixture(scope="session")
def pool() -> Iterator[MediaPool]:
    """Two processes that decode."""
    with MediaPool(2) as made:
        yield made
