"""A reader remembers what it has read."""

from __future__ import annotations

import numpy as np
from tests.features.align.painted_shop import new_reader


def test_what_was_read_is_remembered_until_it_is_forgotten() -> None:
    reader = new_reader()
    for text in ("red cap", "红色帽子"):
        assert not reader.remembers(text)
        read = reader.read([text])
        assert reader.remembers(text)
        np.testing.assert_array_equal(reader.read([text]), read)
    assert not reader.remembers("blue cap")
    reader.forget()
    assert not reader.remembers("red cap")
