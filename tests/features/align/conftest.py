from __future__ import annotations

import pytest
from tests.features.align.painted_shop import Painted, new_reader, painted_shop

from shoplens.features.align.training import train_alignment


@pytest.fixture(scope="session")
def painted() -> Painted:
    lessons, _ = painted_shop()
    unseen, truth = painted_shop(90, seed=7)
    alignment, report = train_alignment(lessons, new_reader(), members=1)
    return Painted(lessons, alignment, report, unseen, truth)
