from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.models.extraction.memory import ValueFinder
from shoplens.models.extraction.rows import Rows

LETTERS = st.text("ab字 ", max_size=12)


@given(st.sets(LETTERS.filter(bool), max_size=6), LETTERS)
def test_every_place_of_every_value_is_found(values: set[str], text: str) -> None:
    places = {
        (start, start + len(value)) for value in values for start in range(len(text)) if text.startswith(value, start)
    }
    found = ValueFinder(values).find(text)
    assert found == sorted(found)
    assert set(found) == places


def test_rows_of_names() -> None:
    rows = Rows({"a": np.array([1, 2], np.float32), "b": np.array([3, 4], np.float32)}, 2, unknown=0.5)
    assert rows.of(["b", "c", "a"]).tolist() == [[3, 4], [0.5, 0.5], [1, 2]]
    assert [name for name, _ in rows.items()] == ["a", "b"]
    assert rows.of([]).shape == (0, 2)
