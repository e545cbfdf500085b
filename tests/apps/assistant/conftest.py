"""One shop with an assistant for all tests of this folder; each test has conversations of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shoplens.service.runtime import Runtime
from shoplens.testing.assisted_shop import open_assisted_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Made-up policies and dialogues, read without weights."""
    with open_assisted_shop(tmp_path_factory.mktemp("assisted")) as shop:
        yield shop
